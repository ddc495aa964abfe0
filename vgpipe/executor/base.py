"""The executor protocol: what a run asks of whatever makes its clips, and the only place that names the executors.

An executor is the driver of one attempt: it decides which clips go next, and hands waves of them to one or more workers
(`engine.py` is the worker of this process). A worker gets clips whose store keys are known and finds everything else in
the store under those keys, so that where it runs changes no bit.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vgpipe.errors import ConfigError, Fault

if TYPE_CHECKING:
    from vgpipe.clips.artifact_keys import ArtifactKeys
    from vgpipe.clips.clip_record import PastRecord
    from vgpipe.clips.clip_state import ClipState
    from vgpipe.clips.finished_files import FinishedFiles
    from vgpipe.clips.notes import TextNotes
    from vgpipe.config.schema import Config
    from vgpipe.executor.cancel_token import CancelToken
    from vgpipe.executor.kept_models import KeptModels
    from vgpipe.executor.progress_state import ProgressListener
    from vgpipe.executor.run_records import RunRecords
    from vgpipe.fallback.loading_ladder import LoadedModel
    from vgpipe.plans.starting_point import StartingPlan
    from vgpipe.store.rundir import RunDir

EXECUTORS = {"local": "vgpipe.executor.local:LocalExecutor", "ray": "vgpipe.executor.ray:RayExecutor"}
PACKAGES = {"ray": "ray"}
"""Executor -> the package that it needs beside vgpipe's own, and the extra that brings it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkInputs:
    """What making clips takes, wherever it is done.

    Attributes:
        config: the whole config.
        model: the model, opened in one way.
        keys: computes the store keys of that model's artifacts.
        stop: says when to stop early.
        finished: the store, and what turns clips into files.
        texts: notes of what the model does not read of the clips' texts.
        plan: what the run begins with: where components live, what was foreseen; None without a plan.
        kept: what runs of this process leave loaded for each other; None where every run loads its own.
    """

    config: Config
    model: LoadedModel
    keys: ArtifactKeys
    stop: CancelToken
    finished: FinishedFiles
    texts: TextNotes
    plan: StartingPlan | None
    kept: KeptModels | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorInputs(WorkInputs):
    """What an executor is given.

    Attributes:
        run_dir: the run's directory, locked; gets the files.
        records: where clips and events are recorded.
        previous: clip id -> what an earlier attempt at the run recorded of it.
        on_progress: is given how far the run is; None where nobody asks.
    """

    run_dir: RunDir
    records: RunRecords
    previous: Mapping[str, PastRecord]
    on_progress: ProgressListener | None = None


class Executor(Protocol):
    """Makes the clips of a run.

    An executor promises that

    * each clip gets a final status, and its record is written, as soon as that is known;
    * clips whose files the store has are not made again;
    * one clip that fails does not stop the others;
    * when `inputs.stop` says so it saves a checkpoint and returns; the clips that are left stay pending or stopped;
    * artifacts get the keys that `inputs.keys` computes, whatever the device, worker or order;
    * nothing it holds (processes, device memory, threads) is left when `run` returns, but for what `inputs.kept` has.
    """

    def run(self, states: Sequence[ClipState]) -> None:
        """Makes every pending clip.

        Args:
            states: all clips of the run, in job order; changed in place.

        Raises:
            StoreError: where the run directory or the store cannot be written; no clip was made.
        """


class ExecutorClass(Protocol):
    """What the registry names."""

    def __call__(self, inputs: ExecutorInputs) -> Executor:
        """Returns an executor of one attempt."""


def executor_class(name: str) -> ExecutorClass:
    """Returns what makes clips; imports its file only now.

    Args:
        name: as in `executor.name`.

    Raises:
        ConfigError: for a name that no file has, or one whose package is not installed.
    """
    if name not in EXECUTORS:
        fault = Fault("executor.name", f"{name!r} is not a known executor", f"one of: {', '.join(sorted(EXECUTORS))}")
        raise ConfigError("invalid configuration", [fault])
    package = PACKAGES.get(name)
    if package is not None and importlib.util.find_spec(package) is None:
        what = f"executor={name} needs the package {package}, which is not installed"
        raise ConfigError("nothing was started", [Fault("executor.name", what, f"pip install 'vgpipe[{package}]'")])
    module, attribute = EXECUTORS[name].split(":")
    found: ExecutorClass = getattr(importlib.import_module(module), attribute)
    return found
