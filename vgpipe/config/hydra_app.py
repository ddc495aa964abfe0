"""Runs a checked command line through Hydra, which makes the run directory or the sweep."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from vgpipe.config.arguments import Arguments
from vgpipe.config.load import (
    CONFIG_MODULE,
    CONFIG_NAME,
    HYDRA_VERSION_BASE,
    composition_error,
    fixed_keys,
    from_hydra,
    hydra_override,
)
from vgpipe.config.resolvers import register_resolvers
from vgpipe.config.schema import Config
from vgpipe.errors import VgpipeError

CONFIG_PATH = f"pkg://{CONFIG_MODULE}"
EXCLUDED = "hydra.job.config.override_dirname.exclude_keys"
EXIT_FAILED = 1
Task = Callable[[Config, Path], int]


def run_app(arguments: Arguments, task: Task, report: Callable[[Exception], None]) -> list[int]:
    """Runs `task` once, or once per combination of a sweep, as Hydra's own command line would.

    Args:
        arguments: everything after the command, Hydra's flags included (`-m`, `--cfg job`, ...).
        task: takes the checked config and the run's directory, returns an exit code.
        report: is given the error of a combination of a sweep that could not be started; the others still run.

    Returns:
        The exit codes, in order; empty where Hydra only showed something (`--cfg`, `--info`).

    Raises:
        VgpipeError: what the first task raised, where none could be started.
        OSError: likewise.
        SystemExit: from Hydra, on its own usage errors.
    """
    codes: list[int] = []

    failures: list[Exception] = []

    def hydra_task(composed: DictConfig) -> int:
        try:
            codes.append(task(from_hydra(composed), Path(HydraConfig.get().runtime.output_dir)))
        except (VgpipeError, OSError) as error:  # Hydra would show a traceback; its caller shows one message
            failures.append(error)
            codes.append(EXIT_FAILED)
            if arguments.is_sweep:
                report(error)
        return codes[-1]

    register_resolvers()
    app = hydra.main(CONFIG_PATH, CONFIG_NAME, HYDRA_VERSION_BASE)(hydra_task)
    saved, sys.argv = (
        sys.argv,
        ["vgpipe", *arguments.flags, *map(hydra_override, arguments.overrides), *_naming(arguments)],
    )
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise instead of printing a traceback and ending the process
    try:
        app()
    except (HydraException, OmegaConfBaseException) as error:
        raise composition_error(error) from error
    finally:
        sys.argv = saved
    if failures and len(failures) == len(codes):
        raise failures[0]
    return codes


def _naming(arguments: Arguments) -> list[str]:
    """Returns the override that names a sweep's folders by the swept keys, without those that all runs share."""
    if not arguments.is_sweep or any(override.startswith(EXCLUDED) for override in arguments.overrides):
        return []
    return [f"{EXCLUDED}=[{','.join(fixed_keys(arguments.overrides, arguments.config_dir))}]"]
