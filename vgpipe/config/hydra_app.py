"""Runs a command line as `hydra.main` would, with one difference: what was composed is checked before it is run.

Written for Hydra 1.3. Its `_run_hydra` has no place between composing and running: it makes the run directory first,
and composes twice to find out whether `hydra.mode` asks for a sweep. What its flags do is all Hydra's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, configure_log, run_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from vgpipe.config.arguments import Arguments
from vgpipe.config.checked_launcher import Composed, Place, Task, launchers_checked, set_output_dir
from vgpipe.config.composer import Composer, composer, hydra_faults
from vgpipe.config.load import sweep_fault
from vgpipe.config.overrides import check_overrides
from vgpipe.errors import ConfigError, Fault, VgpipeError

HYDRA_VERSION_BASE, JOB_NAME = "1.3", "vgpipe"
SHOWN = {"cfg", "info", "hydra_help"}
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
    composing = composer(arguments.sources)
    found = check_overrides(arguments.overrides, arguments.sources, composing)
    app = CheckedHydra(JOB_NAME, composing)
    GlobalHydra.instance().initialize(app)
    try:
        return app.dispatch(arguments, found, task)
    finally:
        GlobalHydra.instance().clear()


class CheckedHydra(Hydra):
    """Hydra's application object, with a check between composing and running."""

    config_loader: Composer

    def dispatch(self, arguments: Arguments, found: Sequence[Override], task: Task) -> list[Any]:
        """Does what the flags ask for, as Hydra's `_run_hydra`."""
        flags, sources = arguments.flags, arguments.sources
        overrides = [str(one.input_line) for one in found]
        if not flags.keys() & SHOWN:
            return self._run_or_sweep(sources.config_name, overrides, found, task, wants_sweep=arguments.is_sweep)
        with hydra_faults():
            self._show(arguments, overrides)
        return []

    def _show(self, arguments: Arguments, overrides: list[str]) -> None:
        flags, name = arguments.flags, arguments.sources.config_name
        if "hydra_help" in flags:
            self.hydra_help(name, arguments.parser, argparse.Namespace(overrides=overrides))
        elif "cfg" in flags:
            self.show_cfg(name, overrides, flags["cfg"], flags.get("package"), bool(flags.get("resolve")))
        elif "info" in flags:
            self.show_info(flags["info"], name, overrides)

    def _run_or_sweep(
        self, name: str, overrides: list[str], found: Sequence[Override], task: Task, *, wants_sweep: bool
    ) -> list[Any]:
        if not wants_sweep:
            with hydra_faults():
                config = self.compose_config(name, overrides, RunMode.RUN, validate_sweep_overrides=False)
            if config.hydra.mode is not RunMode.MULTIRUN:
                faults = [sweep_fault(one) for one in found if one.is_sweep_override()]
                if faults:
                    raise ConfigError("invalid configuration", faults)
                return [self._run_composed(name, config, task)]
        return self._sweep(name, overrides, found, task)

    def _run_composed(self, name: str, config: DictConfig, task: Task) -> Any:
        """Checks and runs what was composed; the rest is as in Hydra's `run`."""
        config.hydra.mode = RunMode.RUN
        with hydra_faults():
            set_output_dir(config, "hydra.run.dir")
        overrides = tuple(config.hydra.overrides.task)
        task.check([Composed(overrides, config)], Place.HERE)
        with hydra_faults():
            configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        callbacks = Callbacks(config)
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
                sweeper.sweep(list(config.hydra.overrides.task))
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
    except VgpipeError:
        if folders and not results:
            (sweep_dir / "multirun.yaml").unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it
                for folder in folders:
                    folder.rmdir()
        raise


def _naming(found: Sequence[Override]) -> list[str]:
    """Returns the override that names a sweep's folders by the swept keys, without those that all runs share."""
    if any(one.key_or_group == EXCLUDED for one in found):
        return []
    return [f"{EXCLUDED}=[{','.join(one.key_or_group for one in found if not one.is_sweep_override())}]"]
