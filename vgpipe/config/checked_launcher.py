"""Stands before the launcher of a sweep: checks every combination of a batch before any of them starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from vgpipe.config.composer import Composer, hydra_faults, known_to_resolvers, task_overrides
from vgpipe.config.submitit_jobs import jobs_fail_alone
from vgpipe.errors import ConfigError, Fault, first_line
from vgpipe.terminal import write_error, write_note
from vgpipe.units import counted

IN_THIS_PROCESS = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class Place(Enum):
    """Where the task runs what was checked."""

    HERE = "in this process"
    ELSEWHERE = "in another process, maybe on another machine"


@dataclass(frozen=True, slots=True)
class Composed:
    """One combination of a sweep, or the only run.

    Attributes:
        config: the root config with the `hydra` node, as the task will find it.
        overrides: those that the sweeper gave this combination; none where there is no sweep.
    """

    config: DictConfig
    overrides: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What tells this combination from the others, here and in the task."""
        return task_overrides(self.config)


class Task(Protocol):
    """What a run does; a launcher may send a copy of it to another process."""

    def check(self, batch: Sequence[Composed], place: Place) -> None:
        """Checks what would be run; raises where nothing is to be started."""

    def claim(self, directory: Path) -> Path:
        """Makes the directory of the only run, or one beside it where another run has just made it."""

    def __call__(self, composed: DictConfig) -> Any:
        """Runs one combination in the directory that HydraConfig names."""

    def lost(self, one: Composed, error: BaseException) -> Any:
        """Reports a combination that gave no result, and returns one."""


class CheckedLauncher(Launcher):
    """A launcher that hands checked batches to the real one.

    Args:
        launcher: the real one.
        task: what both run.
        results: the results of the task are added here.
    """

    def __init__(self, launcher: Launcher, task: Task, results: list[Any]) -> None:
        super().__init__()
        self._launcher, self._task, self._results = launcher, task, results
        self._config: DictConfig
        self._composer: Composer

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remembers what composes the combinations; the real launcher is set up already."""
        self._config, composer = config, hydra_context.config_loader
        if isinstance(composer, Composer):
            self._composer = composer

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Checks a batch and launches it.

        Args:
            job_overrides: one list for each combination.
            initial_job_idx: the number of the first.

        Returns:
            What the launcher returned; a combination without a result has the one that `task.lost` gives.

        Raises:
            VgpipeError: from the check, and from a launcher that cannot start anything.
        """
        is_here = self._config.hydra.launcher.get("_target_") == IN_THIS_PROCESS
        batch = [self._composed(overrides, initial_job_idx + n) for n, overrides in enumerate(job_overrides)]
        self._task.check(batch, Place.HERE if is_here else Place.ELSEWHERE)
        # A search may pick a combination twice: side by side, both would write to the same directory.
        unique = {_identity(one): one for one in batch}
        if not is_here:  # which may show nothing until all of them have ended
            write_note(_announced(self._config, len(unique)))
        with jobs_fail_alone(self._launcher):
            launched = self._launched(list(unique.values()), initial_job_idx)
        self._composer.forget()
        ended = {key: self._finished(unique[key], one) for key, one in zip(unique, launched, strict=True)}
        returns = [ended[_identity(one)] for one in batch]
        self._results += [one.return_value for one in returns]
        return returns

    def _launched(self, batch: Sequence[Composed], number: int) -> Sequence[JobReturn]:
        """Launches a batch; again, one combination after the other, where a dead worker took the whole batch along.

        What is done is not repeated: the runs resume in their directories. The worker may have been killed since the
        others left it too little memory.
        """
        try:
            return self._launcher.launch([one.overrides for one in batch], number)
        except BrokenExecutor as error:
            if len(batch) == 1:
                return [_failed(error)]
            write_error(f"a worker died ({type(error).__name__}): running its batch again, one after the other")
            return [one for n, alone in enumerate(batch) for one in self._launched([alone], number + n)]
        except Exception as error:
            if not self._results and not any(map(_has_begun, batch)):
                fault = Fault("hydra/launcher", f"starts nothing: {first_line(error)}", "check hydra.launcher.*")
                raise ConfigError("nothing was started", [fault]) from error
            return [_failed(error) for _ in batch]

    def _composed(self, overrides: Sequence[str], number: int) -> Composed:
        with hydra_faults():
            config = self._composer.load_sweep_config(self._config, list(overrides))
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            set_output_dir(config, "hydra.sweep.dir", "hydra.sweep.subdir")
        return Composed(config, tuple(overrides))

    def _finished(self, one: Composed, returned: JobReturn) -> JobReturn:
        if returned.status is JobStatus.COMPLETED:
            return returned
        return JobReturn(status=JobStatus.COMPLETED, _return_value=self._task.lost(one, returned._return_value))


def _announced(config: DictConfig, count: int) -> str:
    launcher = config.hydra.runtime.choices.get("hydra/launcher")
    return f"{counted(count, 'combination')} with hydra/launcher={launcher}; logs: {config.hydra.sweep.dir}/*/run.log"


def _identity(one: Composed) -> tuple[object, ...]:
    return one.overrides, one.config.hydra.runtime.output_dir


def _has_begun(one: Composed) -> bool:
    return Path(one.config.hydra.runtime.output_dir).exists()


def _failed(error: BaseException) -> JobReturn:
    return JobReturn(status=JobStatus.FAILED, _return_value=error)


@contextmanager
def launchers_checked(task: Task, results: list[Any]) -> Iterator[None]:
    """Has every sweeper launch through a `CheckedLauncher`; Hydra has no public way to say so.

    Args:
        task: what is run.
        results: the results of the task are added here.
    """
    plugins: Any = Plugins.instance()
    instantiate = plugins.instantiate_launcher

    def checked(hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> Launcher:
        launcher = instantiate(hydra_context=hydra_context, task_function=task_function, config=config)
        before = CheckedLauncher(launcher, task, results)
        before.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        return before

    plugins.instantiate_launcher = checked
    try:
        yield
    finally:
        del plugins.instantiate_launcher


def set_output_dir(config: DictConfig, *keys: str) -> None:
    """Sets the directory of a run as Hydra will when it starts, so that the config can refer to it."""
    with known_to_resolvers(config):
        path = os.path.join(*(str(OmegaConf.select(config, key)) for key in keys))
    with read_write(config.hydra.runtime), open_dict(config.hydra.runtime):
        config.hydra.runtime.output_dir = str(Path(path).absolute())
