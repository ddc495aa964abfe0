"""Runs with several workers, from the command line: the same files as of one process, whatever happens to a worker."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.executor.driver.thread_pool import ThreadPool
from vgpipe.errors import LoadError
from vgpipe.executor.component_loader import Loader
from vgpipe.executor.workers.messages import Began, ClipEnded, Died, HandOut, PieceDone, Ready, StepDone
from vgpipe.models.families.wan import WanFamily
from vgpipe.report.build import run_data
from vgpipe.store.rundir import RunDir

JOB = """
defaults: {seed: 3}
prompts:
  - a small red circle moving left
  - a large blue square
  - {prompt: a red square, seeds: [1, 2]}
  - a blue circle
"""
TWO = ("job=job.yaml", "executor.workers=2")


@pytest.fixture
def pools(monkeypatch, workdir: Path) -> list[ThreadPool]:
    monkeypatch.setattr("vgpipe.executor.workers.processes.ProcessPool", ThreadPool)
    monkeypatch.setattr("vgpipe.executor.workers.host_process.start_host", lambda *_: None)
    monkeypatch.setattr(ThreadPool, "pools", [])
    one_at_a_time = threading.Lock()  # libraries build models under switches of the whole process
    original = Loader.load

    def load(self, *asked):
        with one_at_a_time:
            return original(self, *asked)

    monkeypatch.setattr(Loader, "load", load)
    (workdir / "job.yaml").write_text(JOB)
    return ThreadPool.pools


def events(ran) -> list[dict]:
    return [json.loads(line) for line in (ran.root / "events.jsonl").read_text().splitlines()]


def dies_once(monkeypatch, when) -> list[str]:
    """Has the first worker of which `when` says so die."""
    died: list[str] = []

    def dies(slot, message) -> str:
        if not died and when(message):
            died.append(slot)
            return "killed by SIGKILL"
        return ""

    monkeypatch.setattr(ThreadPool, "dies", staticmethod(dies))
    return died


def files(ran) -> dict[str, bytes]:
    return {one["clip"]: (ran.root / one["files"]["mp4"]).read_bytes() for one in ran.records()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory, tiny_wan) -> dict[str, bytes]:
    """The files of the job, made in one process."""
    from tests.conftest import SMALL
    from vgpipe import run

    folder = tmp_path_factory.mktemp("one")
    (folder / "job.yaml").write_text(JOB)
    done = run(
        folder / "job.yaml",
        out=folder / "run",
        overrides=[f"model.id={tiny_wan}", f"store.dir={folder / 'store'}", "executor.workers=1", *SMALL],
    )
    return {clip.id: clip.files["mp4"].read_bytes() for clip in done.clips}


def test_workers_make_the_files_of_one_process(render, pools, expected):
    ran = render(*TWO)
    assert ran.code == 0 and files(ran) == expected
    (pool,) = pools
    makers = {one["worker"] for one in events(ran) if one["event"] == "clip_done"}
    assert makers == {"cpu-1", "cpu-2"} == set(pool.starts)
    encoded = Counter(
        message.name for _, message in pool.received if isinstance(message, PieceDone) and message.stage == "encode"
    )
    assert set(encoded.values()) == {1}  # each text once, over both
    log = (ran.root / "run.log").read_text()
    assert "[cpu-1] denoise" in log and "worker cpu-2 is ready" in log and "(5/5 clips, 100%" in log
    assert [one["name"] for one in run_data(RunDir(ran.root))["timeline"]["workers"]] == ["cpu-1", "cpu-2"]
    assert all(one["peak_ram_gb"] > 0 and one["seconds"]["denoise"] > 0 for one in ran.records())


def test_a_finished_job_again_starts_no_worker(render, pools):
    render(*TWO)
    again = render(*TWO)
    assert again.code == 0 and len(pools) == 1 and all(record["reused"] for record in again.records())


def test_a_clip_whose_worker_dies_is_finished_by_another(render, pools, expected, monkeypatch):
    died = dies_once(monkeypatch, lambda message: isinstance(message, StepDone) and message.done >= 2)
    ran = render(*TWO, "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0")
    assert ran.code == 0 and files(ran) == expected and len(died) == 1
    (event,) = [one for one in events(ran) if one["event"] == "worker_died"]
    assert (event["worker"], event["reason"]) == (died[0], "killed by SIGKILL")
    assert "resumes at step" in (ran.root / "run.log").read_text()


def test_what_a_worker_exported_before_it_died_is_no_work_that_is_left(render, pools, expected, monkeypatch):
    died = dies_once(monkeypatch, lambda message: isinstance(message, ClipEnded) and "canary" not in message.clip)
    ran = render(*TWO)
    assert ran.code == 0 and files(ran) == expected and len(died) == 1
    assert sum(record["reused"] for record in ran.records()) == 1
    assert "(5/5 clips, 100%" in (ran.root / "run.log").read_text()


def test_a_clip_that_takes_three_workers_along_fails_alone(render, pools, monkeypatch):
    bad: list[str] = []

    def dies(_slot, message) -> str:
        if not isinstance(message, Began) or message.stage != "denoise" or message.is_canary:
            return ""
        bad[:] = bad or [message.clip]
        return "killed by SIGSEGV" if message.clip == bad[0] else ""

    monkeypatch.setattr(ThreadPool, "dies", staticmethod(dies))
    ran = render(*TWO)
    states = {record["clip"]: (record["state"], record["error"]) for record in ran.records()}
    assert ran.code == 1 and states.pop(bad[0]) == (
        "failed",
        "it took 3 workers along; the last one: killed by SIGSEGV",
    )
    assert {state for state, _ in states.values()} == {"done"}


def test_a_stop_leaves_a_run_that_can_be_resumed(render, vgpipe, pools, expected, monkeypatch):
    done: list[str] = []

    def stops(_slot, message) -> str:
        if isinstance(message, ClipEnded) and not message.clip.startswith("canary"):
            done.append(message.clip)
        return ""

    monkeypatch.setattr(ThreadPool, "dies", staticmethod(stops))
    is_over = [True]
    reached = "vgpipe.executor.cancel_token.CancelToken._reached"
    monkeypatch.setattr(reached, lambda _self: "the deadline" if done and is_over else "")
    ran = render(*TWO, "run.budget=1d", "executor.wave_size=1")
    states = Counter(record["state"] for record in ran.records())
    assert ran.code == 3 and states["done"] >= 1 and states["failed"] == 0 and states["pending"] + states["stopped"] > 0
    is_over.clear()
    resumed = vgpipe("resume", ran.root, "run.budget=1d")
    assert resumed.code == 0 and files(resumed) == expected


def test_the_failure_of_one_clip_is_its_own(render, pools, monkeypatch):
    original = WanFamily.denoise

    def fails(self, loaded, scheduler, request):
        if request.generator.initial_seed() == 2:
            raise RuntimeError("made up")
        return original(self, loaded, scheduler, request)

    monkeypatch.setattr(WanFamily, "denoise", fails)
    ran = render(*TWO)
    assert ran.code == 1
    assert Counter(record["state"] for record in ran.records()) == {"done": 4, "failed": 1}
    (failed,) = [record for record in ran.records() if record["state"] == "failed"]
    assert failed["seed"] == 2 and "made up" in failed["error"]


@pytest.mark.parametrize("error", [RuntimeError("device-side assert"), MemoryError(), LoadError("no thread", "vae")])
def test_a_device_that_fails_at_three_clips_is_retired_and_they_are_made_elsewhere(
    render, pools, expected, monkeypatch, error
):
    original = WanFamily.decode

    def fails(self, *asked):
        if threading.current_thread().name == "cpu-1":
            raise error
        return original(self, *asked)

    monkeypatch.setattr(WanFamily, "decode", fails)
    ran = render(*TWO, "executor.canary=false", "executor.wave_size=1")
    assert ran.code == 0 and files(ran) == expected
    retired = [one for one in events(ran) if one["event"] == "worker_retired"]
    failed = [one for one in (ran.root / "run.log").read_text().splitlines() if "it is tried again" in one]
    assert len(failed) in (1, 2, 3) and len(retired) == (len(failed) == 3)


def test_a_model_that_no_worker_can_open_fails_the_clips(render, pools, monkeypatch):
    def refuses(_family, _progress, _stop):
        raise LoadError("damaged", "vae")

    monkeypatch.setattr("vgpipe.executor.workers.worker.fetch_weights", refuses)
    ran = render(*TWO, "run.degrade=strict")
    assert ran.code == 1 and {record["error"] for record in ran.records()} == {"damaged"}


def test_without_any_worker_the_clips_are_made_here(render, pools, expected, monkeypatch):
    monkeypatch.setattr("vgpipe.executor.driver.losses.FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(
        ThreadPool, "dies", staticmethod(lambda _slot, message: "no room" if isinstance(message, Began) else "")
    )
    ran = render(*TWO)
    assert ran.code == 0 and files(ran) == expected
    assert "rendering in this process" in (ran.root / "run.log").read_text()


def test_hand_outs_hold_what_is_left_to_make_alone(render, pools, workdir):
    render(*TWO)
    (workdir / "job.yaml").write_text(JOB.replace("a blue circle", "a red circle").replace("large", "small"))
    ran = render(*TWO)
    assert ran.code == 0
    items = [item for _, message in pools[-1].sent if isinstance(message, HandOut) for item in message.items]
    assert sorted(item.clip.prompt for item in items if item.represents_steps is None) == [
        "a red circle",
        "a small blue square",
    ]


def test_clips_that_differ_in_fps_alone_are_denoised_once(render, pools, workdir):
    (workdir / "job.yaml").write_text("prompts: [{prompt: a red square, fps: 8}, {prompt: a red square, fps: 16}]")
    ran = render(*TWO, "executor.canary=false", "executor.wave_size=1")
    denoised = [one for _, one in pools[0].received if isinstance(one, PieceDone) and one.stage == "denoise"]
    assert ran.code == 0 and len(ran.records()) == 2 and len(denoised) == 1


def test_every_worker_tells_what_it_is(render, pools):
    render(*TWO)
    found = [message for _, message in pools[0].received if isinstance(message, Ready)]
    assert found and all(one.versions["vgpipe"] and one.foreseen and one.family_digest for one in found)
    assert not any(isinstance(message, Died) and "killed" in message.reason for _, message in pools[0].received)
