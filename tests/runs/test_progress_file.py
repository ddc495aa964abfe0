from __future__ import annotations

import time
from datetime import UTC, datetime

from vgpipe.executor.progress_state import ProgressState, WorkerNow
from vgpipe.report.run_facts import Rendering, rendering_of
from vgpipe.runs.progress_file import ProgressFile
from vgpipe.store.rundir import RunDir


def state(**facts: object) -> ProgressState:
    return ProgressState(clips_done=1, clips=3, pieces_done=2, pieces=9, **facts)  # type: ignore[arg-type]


def soon(run_dir: RunDir) -> Rendering:
    until = time.monotonic() + 10
    while (found := rendering_of(run_dir.root)) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert found is not None
    return found


def test_others_read_how_far_a_run_is_and_the_file_goes_with_it(tmp_path):
    run_dir = RunDir(tmp_path)
    at = datetime(2026, 1, 31, 23, 5, tzinfo=UTC)
    with ProgressFile(run_dir) as file:
        file(state(fraction=0.5, finish_at=at, workers=(WorkerNow(name="cpu-1", stage="decode", clip="x"),)))
        found = soon(run_dir)
    assert (found.fraction, found.finish_at) == (0.5, at.timestamp())
    assert [(one.name, one.stage, one.clip) for one in found.workers] == [("cpu-1", "decode", "x")]
    assert list(tmp_path.iterdir()) == []


def test_a_listener_that_raises_is_left_alone_and_the_file_is_not(tmp_path, caplog):
    called = []

    def broken(state: ProgressState) -> None:
        called.append(state)
        raise ValueError("broken")

    with ProgressFile(RunDir(tmp_path), broken) as file:
        file(state(stage="encode"))
        file(state(stage="denoise"))
        found = soon(RunDir(tmp_path))
    assert len(called) == 1 and "no longer reported: ValueError: broken" in caplog.text
    assert found.workers[0].stage in ("encode", "denoise")


def test_a_directory_that_cannot_be_written_ends_nothing(tmp_path):
    with ProgressFile(RunDir(tmp_path / "gone")) as file:
        file(state())
