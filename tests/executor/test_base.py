"""Another executor is one file and one line of the registry."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import ClassVar

import pytest

from vgpipe.errors import ConfigError
from vgpipe.executor.base import EXECUTORS, executor_class
from vgpipe.executor.local import LocalExecutor


class Backwards(LocalExecutor):
    """Makes the clips of a job from the last to the first."""

    runs: ClassVar[list[int]] = []

    def run(self, states) -> None:
        self.runs.append(len(states))
        super().run(states[::-1])


@pytest.fixture
def backwards(monkeypatch):
    module = ModuleType("made_up_executor")
    module.Backwards = Backwards
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(EXECUTORS, "local", f"{module.__name__}:Backwards")
    Backwards.runs.clear()


def test_a_made_up_executor_makes_the_clips_of_a_job(vgpipe, workdir, backwards):
    (workdir / "job.yaml").write_text("prompts:\n  - a small red circle\n  - a large blue square\n")
    small = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2")
    ran = vgpipe("job=job.yaml", *small)
    assert ran.code == 0, ran.err
    assert Backwards.runs == [2] and {record["state"] for record in ran.records()} == {"done"}


def test_an_unknown_executor_is_refused_before_anything_starts(vgpipe, workdir):
    ran = vgpipe("clip.prompt=a", "executor.name=nonsense")
    assert ran.code == 2 and "executor.name" in ran.err and "local" in ran.err and "ray" in ran.err
    assert not (workdir / "outputs").exists()
    with pytest.raises(ConfigError, match="'nonsense' is not a known executor"):
        executor_class("nonsense")


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_every_named_executor_is_there(name):
    assert callable(executor_class(name).run)


def test_an_executor_whose_package_is_missing_names_the_extra_before_anything_starts(vgpipe, workdir, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else found(name, *more))
    ran = vgpipe("clip.prompt=a", "executor=ray")
    assert ran.code == 2 and ran.err.count("pip install 'vgpipe[ray]'") == 1 and "Traceback" not in ran.err
    assert not (workdir / "outputs").exists()
