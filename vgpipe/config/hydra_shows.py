"""What Hydra's flags only show: configs (`--cfg`), how they are composed (`--info`), its help, shell completion."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

from hydra._internal.hydra import Hydra

from vgpipe.config.arguments import Arguments, flag_parser
from vgpipe.config.composer import hydra_faults
from vgpipe.errors import ConfigError, Fault, UsageError

SHOWS = ("cfg", "info", "hydra_help", "shell_completion")


def asks_to_show(arguments: Arguments) -> bool:
    """Says whether a command line runs nothing.

    Raises:
        UsageError: where it asks for two things at once, or `--resolve` has nothing to resolve.
    """
    asked = [flag for flag in SHOWS if flag in arguments.flags]
    if len(asked) > 1:
        names = " and ".join(f"--{flag.replace('_', '-')}" for flag in asked)
        raise UsageError(f"{names}: each shows something else -> give one of them")
    for flag in ("resolve", "package"):
        if flag in arguments.flags and asked != ["cfg"]:
            raise UsageError(f"--{flag} goes with --cfg -> --cfg job --{flag} ...")
    return bool(asked)


def show(app: Hydra, arguments: Arguments, overrides: list[str], swept: list[str]) -> None:
    """Writes what was asked for to stdout.

    Args:
        app: Hydra's application object.
        arguments: the command line.
        overrides: those with one value.
        swept: those with several, which are no part of any one config.

    Raises:
        ConfigError: where it cannot be composed.
    """
    flags, name = arguments.flags, arguments.sources.config_name
    with hydra_faults():
        if "hydra_help" in flags:
            app.hydra_help(name, flag_parser(), argparse.Namespace(overrides=overrides))
        elif "info" in flags:
            app.show_info(flags["info"], name, overrides)
        else:
            _show_config(app, arguments, overrides, swept)


def _show_config(app: Hydra, arguments: Arguments, overrides: list[str], swept: list[str]) -> None:
    flags, package = arguments.flags, arguments.flags.get("package")
    for override in swept:
        print(f"# swept: {override}")  # noqa: T201 (Hydra writes the rest)
    try:
        with redirect_stderr(StringIO()):  # Hydra says it too
            app.show_cfg(arguments.sources.config_name, overrides, flags["cfg"], package, "resolve" in flags)
    except SystemExit:
        fault = Fault("--package", f"{package!r} is not in the config", "leave it out to see the whole config")
        raise ConfigError("nothing to show", [fault]) from None


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Puts back the handlers and levels that Hydra's logging configs and `hydra.verbose` change for good."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    saved = {logger: (logger.level, logger.disabled) for logger in _loggers()}
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        for logger in _loggers():
            if logger in saved or logger.name.startswith("vgpipe"):  # a library's new one has a level of its own
                own_level, logger.disabled = saved.get(logger, (logging.NOTSET, False))
                if logger.level != own_level:  # each change empties the caches of all loggers
                    logger.setLevel(own_level)


def _loggers() -> list[logging.Logger]:
    return [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]
