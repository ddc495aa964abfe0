"""A batch is checked before the real launcher has it; what a worker loses is one result, not the sweep."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, RunMode

from vgpipe.config.checked_launcher import CheckedLauncher, Place
from vgpipe.config.composer import composer
from vgpipe.config.sources import BUILTIN
from vgpipe.errors import ConfigError


class Task:
    def __init__(self):
        self.seen = []

    def check(self, batch, place):
        self.seen.append((batch, place))
        if any(one.config.clip.get("seed") == 13 for one in batch):
            raise ConfigError("unlucky")

    def __call__(self, composed):
        raise NotImplementedError

    def lost(self, one, error):
        return f"lost: {one.overrides[0]}, {error}"


class Launcher:
    def __init__(self, *returns):
        self.returns = returns
        self.launched = []

    def launch(self, job_overrides, initial_job_idx):
        self.launched.append((job_overrides, initial_job_idx))
        if isinstance(self.returns[0], Exception):
            raise self.returns[0]
        return self.returns


def launch(launcher, *batch, overrides=()):
    composing, task, results = composer(BUILTIN), Task(), []
    config = composing.load_configuration("config", ["hydra.mode=MULTIRUN", *overrides], RunMode.MULTIRUN)
    checked = CheckedLauncher(launcher, task, results)
    checked.setup(hydra_context=HydraContext(composing, None), task_function=task, config=config)
    return checked.launch(batch, 4), task, results


def test_the_check_sees_what_the_task_will():
    launcher = Launcher(JobReturn(status=JobStatus.COMPLETED, _return_value=7))
    returns, task, results = launch(launcher, ["clip.seed=1"], overrides=["hydra.sweep.subdir=${hydra.job.num}"])
    ((batch, place),) = task.seen
    assert place is Place.HERE and batch[0].config.clip.seed == 1
    assert batch[0].config.hydra.runtime.output_dir.endswith("-sweep/4")
    assert launcher.launched == [([("clip.seed=1",)], 4)] and results == [7] and returns[0].return_value == 7


def test_a_refused_batch_is_not_launched():
    launcher = Launcher(None)
    with pytest.raises(ConfigError, match="unlucky"):
        launch(launcher, ["clip.seed=12"], ["clip.seed=13"])
    assert not launcher.launched


def test_an_error_in_a_worker_is_one_lost_result():
    failed = JobReturn(status=JobStatus.FAILED, _return_value=TypeError("bad"))
    done = JobReturn(status=JobStatus.COMPLETED, _return_value=7)
    returns, _, results = launch(Launcher(failed, done), ["clip.seed=1"], ["clip.seed=2"])
    assert results == ["lost: clip.seed=1, bad", 7] and [one.return_value for one in returns] == results


def test_a_launcher_that_breaks_down_loses_its_batch_only(workdir):
    where = "hydra.sweep.subdir=begun"
    (workdir / "begun").mkdir()
    broken = Launcher(OSError("killed"))
    returns, _, results = launch(broken, ["clip.seed=1"], ["clip.seed=2"], overrides=["hydra.sweep.dir=.", where])
    assert results == ["lost: clip.seed=1, killed", "lost: clip.seed=2, killed"] and len(returns) == 2


def test_a_launcher_that_can_start_nothing_says_so_once(workdir):
    with pytest.raises(ConfigError, match=r"hydra/launcher: starts nothing: no cluster"):
        launch(Launcher(OSError("no cluster")), ["clip.seed=1"], ["clip.seed=2"])


def test_a_batch_that_a_dead_worker_took_along_runs_again_one_by_one(workdir):
    class Pool(Launcher):
        def launch(self, job_overrides, initial_job_idx):
            if len(job_overrides) > 1 or "clip.seed=2" in job_overrides[0]:
                raise BrokenExecutor("killed")
            return [JobReturn(status=JobStatus.COMPLETED, _return_value=initial_job_idx)]

    _, _, results = launch(Pool(), ["clip.seed=1"], ["clip.seed=2"], ["clip.seed=3"])
    assert results == [4, "lost: clip.seed=2, killed", 6]


def test_a_combination_that_is_picked_twice_in_a_batch_runs_once(workdir):
    done = JobReturn(status=JobStatus.COMPLETED, _return_value=7)
    launcher = Launcher(done, done)
    batch, where = (["clip.seed=1"], ["clip.seed=2"], ["clip.seed=1"]), ["hydra.sweep.dir=."]
    returns, _, results = launch(launcher, *batch, overrides=where)
    assert [len(overrides) for overrides, _ in launcher.launched] == [2] and results == [7, 7, 7] and len(returns) == 3
    numbered = Launcher(done, done)
    launch(numbered, ["clip.seed=1"], ["clip.seed=1"], overrides=["hydra.sweep.subdir=${hydra.job.num}"])
    assert [len(overrides) for overrides, _ in numbered.launched] == [2]
