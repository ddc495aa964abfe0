"""Reads a command line with Hydra's own parser: flags anywhere, `key=value` for the rest."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vgpipe.config.sources import BUILTIN, Sources
from vgpipe.errors import UsageError

SOURCE_FLAGS = ("config_dir", "config_name", "config_path")


@dataclass(frozen=True, slots=True)
class Arguments:
    """A parsed command line.

    Attributes:
        overrides: the `key=value` part.
        sources: where configs are looked up.
        flags: Hydra's other flags that were given, by their names in its parser (`multirun`, `cfg`, ...).
    """

    overrides: tuple[str, ...]
    sources: Sources
    flags: dict[str, Any]

    @property
    def is_sweep(self) -> bool:
        """Whether `-m` was given."""
        return bool(self.flags.get("multirun"))


def split(given: Sequence[str]) -> Arguments:
    """Parses a command line.

    Args:
        given: everything after the command, as typed.

    Raises:
        UsageError: for a flag that Hydra does not know, or one without its value.
    """
    if not any(word.startswith("-") for word in given):  # as most often, and the parser takes a while to make
        return Arguments(tuple(given), _sources(None, None, None), {})
    read = vars(flag_parser().parse_intermixed_args(list(given)))
    overrides = tuple(read.pop("overrides"))
    typed = {flag: read.pop(flag) for flag in SOURCE_FLAGS}
    return Arguments(overrides, _sources(**typed), {flag: value for flag, value in read.items() if value})


def flag_parser() -> ArgumentParser:
    """Returns Hydra's parser, whose help `--hydra-help` shows."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign] # it would print a usage of its own and end the process
    return parser


def only_sources(given: Sequence[str]) -> Arguments:
    """Parses a command line that may say where configs are, and takes no other flag.

    Args:
        given: everything after the command, as typed.

    Raises:
        UsageError: for any other flag.
    """
    read = split(given)
    refuse_flags(read)
    return read


def refuse_flags(read: Arguments) -> None:
    """Raises UsageError where any other flag was given than those that say where configs are."""
    for flag in read.flags:
        raise UsageError(f"--{flag.replace('_', '-')} has no use here -> --help")


def _sources(config_dir: str | None, config_name: str | None, config_path: str | None) -> Sources:
    path = config_path or BUILTIN.config_path
    is_folder = "://" not in path  # Hydra would look beside the module that calls it, which is no place of a user's
    return Sources(config_dir, config_name or BUILTIN.config_name, str(Path(path).absolute()) if is_folder else path)


def _refuse(message: str) -> NoReturn:
    raise UsageError(f"{message} -> python -m vgpipe --help, or --hydra-help")
