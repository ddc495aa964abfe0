"""Folders that a config names."""

from __future__ import annotations

from pathlib import Path

from vgpipe.errors import ConfigError, Fault
from vgpipe.outside_file import expanded

MAX_SHOWN = 80


def folder_of(key: str, given: str) -> Path:
    """Returns the absolute path of a folder that a key names.

    Raises:
        ConfigError: where no folder can have this name.
    """
    path = expanded(given)
    if "\0" in given:
        raise ConfigError("invalid configuration", [Fault(key, "holds a NUL, which no path may", f"type {key}=DIR")])
    if path.parts and path.parts[0].startswith("~"):
        what = f"{given[:MAX_SHOWN]!r}: there is no user {path.parts[0][1:][:MAX_SHOWN]!r}"
        raise ConfigError("invalid configuration", [Fault(key, what, f"type {key}=DIR")])
    return path.absolute()
