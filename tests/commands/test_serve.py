"""The command `serve`: what it refuses, what it prints, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import urllib.request

import pytest

from tests.report.runs import make_run, record
from vgpipe.commands.serve import main
from vgpipe.errors import UsageError


@pytest.fixture(autouse=True)
def outputs(workdir):
    make_run(workdir / "outputs" / "run", [record()])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing"], "'missing' is not a folder"),
        (["outputs", "outputs"], "one folder, not 2"),
        (["outputs", "--open"], "--open"),
        (["outputs", "--port"], "without its value: --port"),
        (["--port=70000"], "must be a number from 0 to 65535"),
        (["--port", "http"], "'http' must be"),
        (["--token", "short"], "5 characters, and 12 to 200 are allowed"),
        (["--host", "no such.invalid"], "no address of this machine"),
        (
            ["--host", "192.0.2.1", "--token", "t" * 20, "--port", "0"],
            "--host: '192.0.2.1' is no address of this machine",
        ),
    ],
)
def test_bad_usage_is_one_message(arguments, says):
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        main(arguments)
    assert " -> " in str(caught.value) and "t" * 20 not in str(caught.value)


def test_another_host_needs_a_token_and_the_message_has_one(monkeypatch):
    monkeypatch.delenv("VGPIPE_SERVE_TOKEN", raising=False)
    with pytest.raises(UsageError, match="needs a token") as caught:
        main(["outputs", "--host=0.0.0.0", "--port=0"])
    assert re.search(
        r"-> python -m vgpipe serve outputs --host 0.0.0.0 --token [0-9a-f]{24} --port 0$", str(caught.value)
    )


def test_a_port_in_use_is_one_message_with_another():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is in use") as caught:
            main(["outputs", "--port", str(port), "--token", "secret of the user"])
    typed = re.search(r"-> python -m vgpipe serve outputs --token TOKEN --port (\d+)$", str(caught.value))
    assert typed is not None and int(typed[1]) > port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_with_0(monkeypatch, capsys, number):
    """The signal comes while a connection is open and silent."""
    held = []

    def serve_forever(server, poll_interval=0.5):
        held.append(socket.create_connection(("127.0.0.1", server.server_port)))
        server.handle_request()
        signal.raise_signal(number)

    monkeypatch.setattr("vgpipe.serve.server.GalleryServer.serve_forever", serve_forever)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["outputs", "--port", "0", "--token", "not to be printed"]) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
        held[0].close()
    out = capsys.readouterr()
    assert re.search(
        r"^serving the runs below outputs, read-only; Ctrl-C ends it\n  http://127\.0\.0\.1:\d+/\n", out.out
    )
    assert "not to be printed" not in out.out + out.err


def test_the_real_command_serves_and_imports_no_model_library(vgpipe_process, workdir):
    process = vgpipe_process("serve", "outputs", "--port", "0")
    try:
        address = [process.stdout.readline() for _ in range(2)][1].strip()
        with urllib.request.urlopen(f"{address}runs.json", timeout=20) as answer:
            assert b'"folder":"run"' in answer.read()
        maps = f"/proc/{process.pid}/maps"
        with open(maps) as file:
            assert "torch" not in file.read()
        process.send_signal(signal.SIGTERM)  # SIGINT is ignored where the tests run in the background of a shell
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert "Traceback" not in process.stderr.read()
