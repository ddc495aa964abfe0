"""Separates Hydra's flags from overrides on the command line. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MULTIRUN_FLAGS = ("-m", "--multirun")
CONFIG_DIR_FLAGS = ("--config-dir", "-cd")
SHOW_FLAGS = ("--cfg", "-c", "--info", "-i", "--hydra-help")
VALUE_FLAGS = (*CONFIG_DIR_FLAGS, "--cfg", "-c", "--package", "-p", "--config-name", "-cn", "--config-path", "-cp")


@dataclass(frozen=True, slots=True)
class Arguments:
    """A parsed command line.

    Attributes:
        flags: Hydra's flags with their values, as typed.
        overrides: the `key=value` part.
        config_dir: the user's own group folder, if any.
        is_sweep: whether `-m` was given.
        only_shows: whether Hydra only shows something and runs nothing.
    """

    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    config_dir: str | None
    is_sweep: bool
    only_shows: bool


def split(given: Sequence[str]) -> Arguments:
    """Parses a command line."""
    overrides: list[str] = []
    flags: list[str] = []
    config_dir, rest = None, list(given)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-"):
            overrides.append(argument)
            continue
        flag, equals, value = argument.partition("=")
        flags.append(argument)
        if flag in VALUE_FLAGS and not equals and rest:
            value = rest.pop(0)
            flags.append(value)
        if flag in CONFIG_DIR_FLAGS:
            config_dir = value
    names = {flag.partition("=")[0] for flag in flags}
    is_sweep, only_shows = bool(names & set(MULTIRUN_FLAGS)), bool(names & set(SHOW_FLAGS))
    return Arguments(tuple(flags), tuple(overrides), config_dir, is_sweep, only_shows)
