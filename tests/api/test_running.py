"""Runs from Python: in any thread, beside an event loop, stopped and resumed, without a word on the terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

import vgpipe
from vgpipe.errors import JobError, Stopped, StoreError, UsageError
from vgpipe.store.rundir import RunDir


def interrupts(number: int):
    """Returns a listener that sends this process a signal once it has heard of `number` finished steps."""

    def listener(state: vgpipe.ProgressState) -> None:
        if state.step == number:
            os.kill(os.getpid(), signal.SIGINT)

    return listener


def test_prompts_make_the_run_that_a_file_makes(made, tiny, tmp_path):
    assert made.ok and made.root.match("outputs/prompts/*") and made.report.is_file() and made.resume_command is None
    assert [clip.settings["seed"] for clip in made.clips] == [0, 3] and made.clips[1].prompt.endswith('square, "${x}"')
    assert all(path.is_absolute() and path.is_file() for clip in made.clips for path in clip.files.values())
    again = vgpipe.run(job=RunDir(made.root).job, out=tmp_path / "file", exporter=["mp4", "gif"], **tiny_in(made, tiny))
    assert all(clip.is_reused for clip in again.clips) and [c.id for c in again.clips] == [c.id for c in made.clips]
    assert f"job: {RunDir(made.root).job}" in RunDir(made.root).config.read_text()
    assert str(RunDir(made.root).job) in RunDir(made.root).report_data.read_text(), "its picks find the prompts"


def tiny_in(run: vgpipe.Run, tiny) -> dict:
    """Returns the arguments with the store of another run."""
    return {**tiny, "overrides": [*tiny["overrides"], f"store.dir={run.root.parents[1] / '.store'}"]}


def test_nothing_is_printed_and_the_programs_logging_stays(tiny, workdir, capfd, caplog):
    caplog.set_level(logging.INFO, "vgpipe")
    run = vgpipe.run(prompts="a red circle", **tiny)
    assert run.ok and capfd.readouterr() == ("", "")
    assert any("1 clips, 0 already" in text or "clip" in text for text in caplog.messages)
    assert not [one for one in logging.getLogger("vgpipe").handlers if one is not caplog.handler]


def test_faults_are_exceptions_before_anything_is_started(tiny, workdir):
    with pytest.raises(JobError, match=r"prompts\[1\]: unknown key"):
        vgpipe.run(prompts=["a", {"prompt": "b", "sead": 1}], **tiny)
    with pytest.raises(UsageError, match=r"quality: .quik. .*did you mean quick"):
        vgpipe.run(prompts=["a"], quality="quik")
    with pytest.raises(UsageError, match="no job file"):
        vgpipe.run(job="absent.yaml")
    assert list(workdir.iterdir()) == []


def test_an_interrupt_saves_a_checkpoint_and_raises_with_the_run(tiny, workdir):
    with pytest.raises(KeyboardInterrupt, match="0 of 1 clips are done") as caught:
        vgpipe.run(prompts=["a blue square"], on_progress=interrupts(2), **tiny)
    run = caught.value.run
    assert (run.exit_code, run.stopped_by) == (3, "SIGINT received") and str(run.root) in run.resume_command
    (workdir / "outputs/prompts").rename(workdir / "moved")
    finished = vgpipe.resume(workdir / "moved" / run.root.name, show_progress=False)
    assert finished.ok and finished.stopped_by == ""


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_what_is_stopped_while_it_plans_leaves_nothing(tiny, workdir, monkeypatch, is_cancelled):
    from vgpipe.runs.attempts import Attempts

    token = vgpipe.CancelToken()

    def stopping(self, *_asked):
        token.cancel() if is_cancelled else signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Attempts, "plan", stopping)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Stopped if is_cancelled else KeyboardInterrupt) as caught:
            vgpipe.run(prompts=["a blue square"], cancel=token, **tiny)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not isinstance(caught.value, vgpipe.RunInterrupted) and not (workdir / "outputs" / "prompts").exists()


def test_a_second_interrupt_ends_it_at_once(tiny, workdir):
    def twice(state: vgpipe.ProgressState) -> None:
        for _ in range(2 if state.step == 1 else 0):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        vgpipe.run(prompts=["a blue square"], on_progress=twice, **tiny)
    assert not isinstance(caught.value, vgpipe.RunInterrupted)
    assert signal.getsignal(signal.SIGINT) is before


def test_threads_take_turns_and_a_token_stops_one_of_them(tiny, workdir):
    stopping, states, runs = vgpipe.CancelToken(), [], {}

    def stop_at_a_step(state: vgpipe.ProgressState) -> None:
        states.append(state)
        if state.step:
            stopping.cancel("enough")

    def work(name: str, **more) -> None:
        runs[name] = vgpipe.run(prompts=[name], out=workdir / name, **more, **tiny)

    threads = [
        threading.Thread(target=work, args=("stopped",), kwargs={"cancel": stopping, "on_progress": stop_at_a_step}),
        threading.Thread(target=work, args=("whole",)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (runs["stopped"].exit_code, runs["stopped"].stopped_by) == (3, "enough") and runs["whole"].ok
    assert states and states[0].clips == 1
    ends = {name: (workdir / name / "run.log").read_text() for name in runs}
    assert "stopping; finish it with resume" in ends["stopped"] and "enough" not in ends["whole"]


def test_beside_a_running_event_loop(tiny, workdir):
    async def both() -> tuple[vgpipe.Run, int]:
        ticks = 0
        task = asyncio.create_task(asyncio.to_thread(vgpipe.run, prompts=["a red circle"], **tiny))
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.02)
        return await task, ticks

    with ThreadPoolExecutor(1) as thread:  # the main thread may have an event loop, of the browser of other tests
        run, ticks = thread.submit(lambda: asyncio.run(both())).result()
        assert run.ok and ticks > 1

    async def blocking() -> vgpipe.Run:
        return vgpipe.run(prompts=["a red circle"], **tiny)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(blocking())).result().clips[0].is_reused


def test_what_ends_a_run_in_the_middle_is_raised_with_the_way_to_finish_it(tiny, workdir, monkeypatch):
    def full(self, records):
        raise StoreError("clips.jsonl cannot be written: No space left on device")

    RunDir(workdir / "run").root.mkdir()
    (workdir / "run" / "clips.jsonl").write_text("")
    monkeypatch.setattr(RunDir, "write_clips", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        vgpipe.run(prompts=["a red circle"], out=workdir / "run", **tiny)
    assert f"vgpipe.resume('{workdir / 'run'}')" in caught.value.__notes__[0]


def test_a_failed_clip_is_a_result(tiny, workdir, monkeypatch):
    from vgpipe.models.families.wan import WanFamily

    def fails(self, *_arguments):
        raise RuntimeError("no denoising today")

    monkeypatch.setattr(WanFamily, "denoise", fails)
    run = vgpipe.run(prompts=["a red circle"], **tiny)
    assert (run.ok, run.exit_code, run.clips[0].state) == (False, 1, "failed")
    assert "no denoising today" in run.clips[0].error and run.clips[0].files == {}


def test_a_listener_that_raises_stops_no_run(tiny, workdir):
    def broken(_state: vgpipe.ProgressState) -> None:
        raise ValueError("broken")

    assert vgpipe.run(prompts=["a red circle"], on_progress=broken, **tiny).ok


def test_kept_models_are_used_by_the_next_run(tiny, workdir):
    with vgpipe.KeptModels() as kept:
        for prompt in ("a red circle", "a blue circle"):
            run = vgpipe.run(prompts=[prompt], memory="resident", kept=kept, **tiny)
    assert "kept transformer" in (run.root / "run.log").read_text()


def test_workers_make_the_files_of_one_process_and_leave_no_process(made, tiny, tmp_path):
    options = {**tiny, "overrides": [*tiny["overrides"], "executor.workers=2", f"store.dir={tmp_path / 'store'}"]}
    before = set(psutil.Process().children(recursive=True))
    run = vgpipe.run(job=RunDir(made.root).job, out=tmp_path / "run", **options)
    assert run.ok and '"worker": "cpu-2"' in RunDir(run.root).events.read_text()
    assert [clip.files["mp4"].read_bytes() for clip in run.clips] == [
        clip.files["mp4"].read_bytes() for clip in made.clips
    ]
    assert set(psutil.Process().children(recursive=True)) <= before
