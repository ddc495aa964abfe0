from __future__ import annotations

import pytest

from tests.notify.stand_ins import http_service
from vgpipe.config.schema import NotifyConfig
from vgpipe.models.families.wan import WanFamily
from vgpipe.notify import delivery
from vgpipe.notify.delivery import Outcome
from vgpipe.runs import following

LATER = "sh later.sh"
ONE = ("clip.prompt=a red circle", "checks=off", "hydra.run.dir=run")


@pytest.fixture(autouse=True)
def command_at_the_end(workdir):
    (workdir / "later.sh").write_text("echo $VGPIPE_DONE")


@pytest.fixture
def delivered(monkeypatch):
    """What would be sent, in this process and without apprise."""
    told = []

    def deliver(message, urls):
        told.append((message, tuple(urls)))
        return [Outcome(number, "ntfy") for number, _ in enumerate(urls, 1)]

    monkeypatch.setattr(delivery, "deliver", deliver)
    monkeypatch.setattr(delivery, "check", lambda urls: deliver(None, urls))
    return told


def titles(told):
    return [message.title for message, _ in told if message is not None]


def test_a_run_tells_its_end_and_no_file_holds_the_url(render, workdir, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http_service() as service:
        typed = f"notify.urls=[json://{service.place}/s3cret,json://{service.place}/s3cret/refuses]"
        ran = render(*ONE, typed, f"run.on_end={LATER}")
    told = service.got[0].json()
    assert ran.code == 0 and told["title"] == "vgpipe: the clip is done" and "run/report.html" in told["message"]
    assert [one["filename"] for one in told["attachments"]] == ["contact-sheet.jpg"]
    assert ran.err.count("a notification was not sent: URL 2 (JSON): the service answered with error 401") == 1
    assert (workdir / "run/on_end.log").read_text() == "1\n"
    holding = [path for path in workdir.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert holding == [] and "s3cret" not in ran.out + ran.err


def test_a_run_that_stops_tells_so_and_resuming_runs_no_command_that_its_folder_names(
    render, vgpipe, workdir, delivered, monkeypatch
):
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    assert render(*ONE, "run.budget=0s", f"run.on_end={LATER}").code == 3
    in_time, end = (message for message, _ in delivered if message is not None)
    assert in_time.title == "vgpipe: not all clips will be done in time" and "0 of 1 clip will be" in in_time.body
    assert end.title == "vgpipe: stopped, 0 of 1 clip done"
    assert (workdir / "run/on_end.log").read_text() == "0\n"
    delivered.clear()
    assert vgpipe("resume", "run", "notify.on=[failure]").code == 0
    assert titles(delivered) == [] and (workdir / "run/on_end.log").read_text() == "0\n"
    assert vgpipe("resume", "run", f"run.on_end={LATER}").code == 0
    assert titles(delivered) == [], "nothing was left to make"
    assert (workdir / "run/on_end.log").read_text() == "0\n1\n"


def test_a_sweep_tells_its_end_once_and_runs_the_command_once(render, workdir, delivered, monkeypatch):
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    sweep = ("-m", "clip.seed=1,2", "hydra.sweep.dir=sweep", f"run.on_end={LATER}", "run.sheet=false")
    assert render(*ONE[:2], *sweep).code == 0
    assert titles(delivered) == ["vgpipe: all clips done"]
    (message,) = (one for one, _ in delivered if one is not None)
    assert "2 done in 2 runs" in message.body and "sweep/comparison.html" in message.body
    assert [path.read_text() for path in workdir.rglob("on_end.log")] == ["2\n"]


def test_without_the_extra_one_message_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    monkeypatch.setattr(following, "is_installed", lambda: False)
    assert following.opened_notifier(NotifyConfig()) is None
    assert [message.endswith('pip install "vgpipe[apprise]"') for message in caplog.messages] == [True]


def test_nobody_is_told_where_nothing_is_asked_for(monkeypatch, caplog):
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "")
    assert following.opened_notifier(NotifyConfig()) is None
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    assert following.opened_notifier(NotifyConfig(on=())) is None and not caplog.messages


def test_a_command_that_cannot_work_is_refused_before_anything_is_made(render, workdir):
    ran = render(*ONE, "run.on_end=no-such-program")
    assert ran.code == 2 and "run.on_end: there is no program 'no-such-program'" in ran.err
    assert not (workdir / "run").exists()


def test_the_first_failure_is_told_when_it_happens(render, workdir, delivered, monkeypatch):
    def out_of_memory(*_):
        raise MemoryError("out of memory")

    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    monkeypatch.setattr(WanFamily, "denoise", out_of_memory)
    assert render("job=job.yaml", *ONE[1:]).code == 1
    assert titles(delivered) == ["job: a clip failed", "job: 0 of 2 clips done, 2 failed"]
    assert any(message is not None and "failed: a-red-circle-" in message.body for message, _ in delivered)
