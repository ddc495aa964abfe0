"""Runs a command line as `hydra.main` would, with one difference: what was composed is checked before it is run.

Written for Hydra 1.3. Its `_run_hydra` has no place between composing and running: it makes the run directory first,
and composes twice to find out whether `hydra.mode` asks for a sweep. What its flags do is all Hydra's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, configure_log, run_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from vgpipe.config.arguments import Arguments
from vgpipe.config.checked_launcher import Composed, Place, Task, launchers_checked, set_output_dir
from vgpipe.config.completion import answer_shell
from vgpipe.config.composer import Composer, composer, hydra_faults, task_overrides
from vgpipe.config.hydra_shows import asks_to_show, logging_as_before, show
from vgpipe.config.load import sweep_fault
from vgpipe.config.overrides import check_overrides
from vgpipe.config.saved_run import saved_config
from vgpipe.errors import ConfigError, Fault

HYDRA_VERSION_BASE, JOB_NAME = "1.3", "vgpipe"
SAVED = "multirun.yaml"
EXCLUDED = "hydra.job.config.override_dirname.exclude_keys"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def run_app(arguments: Arguments, task: Task) -> list[Any]:
    """Does what a command line asks Hydra for: one run, a sweep, or to show something.

    Args:
        arguments: everything after the command.
        task: what a run does.

    Returns:
        What the task returned for each run; empty where Hydra only showed something (`--cfg`, `--info`).

    Raises:
        VgpipeError: from the check, before anything is started, and what the task raised where there is no sweep.
        OSError: likewise.
    """
    version.setbase(HYDRA_VERSION_BASE)
    app = CheckedHydra(JOB_NAME, composer(arguments.sources))
    with logging_as_before(), _known_to_plugins(app):
        return _dispatch(app, arguments, task)


@contextmanager
def _known_to_plugins(app: Hydra) -> Iterator[None]:
    """Makes this the process's own use of Hydra, and puts that of the program around it back at the end."""
    current, config = GlobalHydra.instance(), HydraConfig.instance()
    saved = current.hydra, config.cfg
    current.hydra, config.cfg = app, None
    try:
        yield
    finally:
        current.hydra, config.cfg = saved


def _dispatch(app: CheckedHydra, arguments: Arguments, task: Task) -> list[Any]:
    if "experimental_rerun" in arguments.flags:
        return [app.run_composed(saved_config(Path(arguments.flags["experimental_rerun"])), task)]
    is_to_show = asks_to_show(arguments)
    if "shell_completion" in arguments.flags:
        answer_shell(app, arguments)
        return []
    found = check_overrides(arguments.overrides, arguments.sources, app.config_loader)
    if not is_to_show:
        return app.run_or_sweep(arguments, found, task)
    swept = [str(one.input_line) for one in found if one.is_sweep_override()]
    show(app, arguments, [str(one.input_line) for one in found if not one.is_sweep_override()], swept)
    return []


class CheckedHydra(Hydra):
    """Hydra's application object, with a check between composing and running."""

    config_loader: Composer

    def run_or_sweep(self, arguments: Arguments, found: Sequence[Override], task: Task) -> list[Any]:
        """Runs what a command line asks for: a sweep where a flag or `hydra.mode` says so."""
        name, overrides = arguments.sources.config_name, [str(one.input_line) for one in found]
        if not arguments.is_sweep:
            with hydra_faults():
                config = self.compose_config(name, overrides, RunMode.RUN, validate_sweep_overrides=False)
            if config.hydra.mode is not RunMode.MULTIRUN:
                faults = [sweep_fault(one) for one in found if one.is_sweep_override()]
                if faults:
                    raise ConfigError("invalid configuration", faults)
                return [self.run_composed(config, task)]
        return self._sweep(name, overrides, found, task)

    def run_composed(self, config: DictConfig, task: Task) -> Any:
        """Checks and runs what was composed; the rest is as in Hydra's `run`."""
        config.hydra.mode = RunMode.RUN
        with hydra_faults():
            set_output_dir(config, "hydra.run.dir")
        task.check([Composed(config)], Place.HERE)
        config.hydra.run.dir = str(task.claim(Path(config.hydra.runtime.output_dir)))
        with hydra_faults():
            configure_log(config.hydra.hydra_logging, config.hydra.verbose)
            callbacks, name = Callbacks(config), config.hydra.job.config_name
            callbacks.on_run_start(config=config, config_name=name)
            context = HydraContext(config_loader=self.config_loader, callbacks=callbacks)
            ended = run_job(task, config, "hydra.run.dir", None, context)
            callbacks.on_run_end(config=config, config_name=name, job_return=ended)
        if ended.status is JobStatus.FAILED:
            raise ended._return_value
        return ended.return_value

    def _sweep(self, name: str, overrides: list[str], found: Sequence[Override], task: Task) -> list[Any]:
        """Runs a sweep, as Hydra's `multirun`."""
        results: list[Any] = []
        with hydra_faults():
            typed = [*overrides, "hydra.mode=MULTIRUN", *_naming(found)]
            config = self.compose_config(name, typed, RunMode.MULTIRUN, with_log_configuration=True)
            _refuse_intervals(config, found)
            callbacks = Callbacks(config)
            callbacks.on_multirun_start(config=config, config_name=name)
            context = HydraContext(config_loader=self.config_loader, callbacks=callbacks)
            with launchers_checked(task, results), nothing_left_of_refused(Path(config.hydra.sweep.dir), results):
                sweeper = Plugins.instance().instantiate_sweeper(
                    hydra_context=context, task_function=task, config=config
                )
                sweeper.sweep(list(task_overrides(config)))
            callbacks.on_multirun_end(config=config, config_name=name)
        return results


def _refuse_intervals(config: DictConfig, found: Sequence[Override]) -> None:
    """Refuses `interval()` where the sweeper tries every value, in words that name the remedy."""
    if config.hydra.sweeper.get("_target_") != BASIC_SWEEPER:
        return
    faults = [
        Fault(key, "interval() needs another sweeper", f"name the values: {key}=range(0,3) or {key}=1,2")
        for key in (one.key_or_group for one in found if one.is_sweep_override() and not one.is_discrete_sweep())
    ]
    if faults:
        raise ConfigError("invalid command line", faults)


@contextmanager
def nothing_left_of_refused(sweep_dir: Path, results: Sequence[object]) -> Iterator[None]:
    """Removes what Hydra's own sweeper wrote, where no combination was started: it writes before anything is checked.

    Args:
        sweep_dir: the directory of the sweep; what was there before stays.
        results: of the combinations; none where nothing was started.
    """
    folders = [folder for folder in (sweep_dir, *sweep_dir.parents) if not folder.exists()]
    try:
        yield
    except BaseException:  # Ctrl-C among them
        if folders and not results and sweep_dir.is_dir() and {one.name for one in sweep_dir.iterdir()} <= {SAVED}:
            (sweep_dir / SAVED).unlink(missing_ok=True)
            with suppress(OSError):  # another run is beside it
                for folder in folders:
                    folder.rmdir()
        raise


def _naming(found: Sequence[Override]) -> list[str]:
    """Returns the override that names a sweep's folders by the swept keys, without those that all runs share."""
    if any(one.key_or_group == EXCLUDED for one in found):
        return []
    return [f"{EXCLUDED}=[{','.join(one.key_or_group for one in found if not one.is_sweep_override())}]"]
