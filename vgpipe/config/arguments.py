"""Tells Hydra's flags from overrides in what the user typed. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MULTIRUN_FLAGS = ("-m", "--multirun")
CONFIG_DIR_FLAGS = ("--config-dir", "-cd")
SHOW_FLAGS = ("--cfg", "-c", "--info", "-i", "--hydra-help")
VALUE_FLAGS = ("--cfg", "-c", "--package", "-p")


@dataclass(frozen=True, slots=True)
class Arguments:
    """A command line, taken apart.

    Attributes:
        given: all of it, as typed.
        overrides: the `key=value` part.
        config_dir: the user's own group folder, if any.
        is_sweep: whether `-m` was given.
        only_shows: whether Hydra is only asked to show something.
    """

    given: tuple[str, ...]
    overrides: tuple[str, ...]
    config_dir: str | None
    is_sweep: bool
    only_shows: bool


def split(given: Sequence[str]) -> Arguments:
    """Takes a command line apart."""
    overrides: list[str] = []
    config_dir, rest = None, list(given)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag in CONFIG_DIR_FLAGS:
            config_dir = value if equals else (rest.pop(0) if rest else None)
        elif flag in VALUE_FLAGS:
            if not equals and rest:
                rest.pop(0)
        elif not flag.startswith("-"):
            overrides.append(flag + equals + value)
    flags = {argument.partition("=")[0] for argument in given}
    return Arguments(
        tuple(given), tuple(overrides), config_dir, bool(flags & set(MULTIRUN_FLAGS)), bool(flags & set(SHOW_FLAGS))
    )
