"""Exit code 2 says that nothing was started: once there is a run directory, no error gives it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.fallback.test_loading_ladder import break_tensor
from vgpipe.cli import main
from vgpipe.errors import StoreError
from vgpipe.store.rundir import RunDir

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
UNPLANNED = "run.plan=off"
RENDER = ("clip.prompt=a red circle", "hydra.run.dir=run", UNPLANNED, "executor.canary=false")


@pytest.fixture
def command(workdir, tiny_wan):
    """Renders a clip by the real command, with streams of its own."""

    def run(stdout: str = os.devnull, stderr: str | None = None) -> tuple[int, str]:
        line = [sys.executable, "-m", "vgpipe", *RENDER, f"model.id={tiny_wan}", *SMALL]
        with open(stdout, "w") as out, open(stderr or "err.txt", "w") as err:
            code = subprocess.run(line, stdout=out, stderr=err, check=False).returncode
        return code, "" if stderr else Path("err.txt").read_text()

    return run


def states(root: Path) -> list[str]:
    return [record["state"] for record in RunDir(root).read_clips()]


@needs_full
def test_a_full_disk_behind_stdout_and_the_log_costs_the_summary_and_the_log_alone(command, workdir):
    (workdir / "run").mkdir()
    (workdir / "run" / "run.log").symlink_to(FULL)
    code, err = command(stdout=str(FULL))
    assert code == 0 and states(workdir / "run") == ["done"]
    assert err.count("No space left on device") == 2
    assert err.count("the output cannot be written to stdout") == err.count("run.log is incomplete") == 1
    assert "Traceback" not in err and "Exception ignored" not in err


@needs_full
@pytest.mark.parametrize("asked", [("--help",), ("doctor", "--help")])
def test_output_that_cannot_be_written_is_one_message_and_a_failure(asked, workdir):
    command = [sys.executable, "-m", "vgpipe", *asked]
    with FULL.open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.count("the output cannot be written to stdout: [Errno 28] No space left on device") == 1
    assert ran.stderr.count("No space left") == 1 and "Traceback" not in ran.stderr


@needs_full
def test_a_plan_that_cannot_be_written_is_one_message_and_a_failure(workdir, monkeypatch, capsys):
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["plan", "clip.prompt=a", "hardware=cpu"]) == 1
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert capsys.readouterr().err.count("the output cannot be written to stdout: [Errno 28]") == 1


def test_a_reader_that_has_gone_is_no_message(workdir):
    process = subprocess.Popen(
        [sys.executable, "-m", "vgpipe", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 1


@needs_full
def test_a_full_disk_behind_stderr_costs_the_messages_alone(command, workdir):
    assert command(stderr=str(FULL))[0] == 0
    assert states(workdir / "run") == ["done"]


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_service_without_streams_home_temporary_folder_and_locale_renders(workdir, tiny_wan):
    """benchmarks/environments.py has these one by one."""
    (workdir / "file").touch()
    lacking = {"HOME": f"{workdir}/file", "TMPDIR": f"{workdir}/nowhere", "VGPIPE_CACHE": f"{workdir}/file"}
    ascii_alone = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    options = ('clip.prompt="größer"', *RENDER[1:], f"model.id={tiny_wan}", *SMALL)
    line = shlex.join([sys.executable, "-m", "vgpipe", *options])
    environment = {**os.environ, **lacking, **ascii_alone, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(["bash", "-c", f"umask 077; {line} <&- >&- 2>&-"], env=environment, check=False)
    assert ran.returncode == 0 and states(workdir / "run") == ["done"]
    assert [path.name.startswith("grösser-") for path in (workdir / "run/videos").iterdir()] == [True]
    assert (workdir / "run/run.log").read_text().count("was closed when vgpipe started") == 3


def test_a_directory_that_cannot_be_written_from_the_start_is_a_failure(render, workdir):
    (workdir / "run" / "config.yaml" / "in_the_way").mkdir(parents=True)
    ran = render(*RENDER)
    assert ran.code == 1 and "the run failed: " in ran.err and "config.yaml" in ran.err and not ran.out


def test_a_store_error_in_a_second_attempt_leaves_the_run_resumable(vgpipe, tiny_wan, workdir, monkeypatch):
    """The first attempt finds a VAE that lacks a weight; the second, with the placeholder, cannot write its records."""
    model = shutil.copytree(tiny_wan, workdir / "model")
    break_tensor(model)
    original, written = RunDir.write_clips, []

    def full(self, records):
        written.append(self)
        if len(written) == 2:
            raise StoreError(f"{self.clips} cannot be written: No space left on device")
        original(self, records)

    monkeypatch.setattr(RunDir, "write_clips", full)
    ran = vgpipe(*RENDER, *SMALL, f"model.id={model}", "model.name=mine", "run.degrade=any")
    assert ran.code == 3, ran.err
    assert ran.err.count("clips.jsonl cannot be written") == 1 and "python -m vgpipe resume run" in ran.err
    monkeypatch.setattr(RunDir, "write_clips", original)
    assert vgpipe("resume", "run").code == 0 and states(workdir / "run") == ["done"]
