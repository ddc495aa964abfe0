"""The user's own defaults: one YAML file, composed below the command line and above the options."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vgpipe.config.fields import takes_any_key, unknown_key
from vgpipe.config.joined_options import JOINED_GROUP, PLUS
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault
from vgpipe.outside_file import expanded

VARIABLE, DEFAULTS_FROM = "VGPIPE_CONFIG", "defaults_from"
INVALID_DEFAULTS = f"invalid defaults of your own ({VARIABLE}= runs without them)"
UNNAMED = 'in "<unicode string>", '
OFF = "off"
"""The name of an option, which YAML takes for false."""
USER_DEFAULTS = "user_defaults"
"""The config of conf/ in whose place they are composed."""


@dataclass(frozen=True, slots=True)
class UserDefaults:
    """What is in the file.

    Attributes:
        path: where it is.
        values: as written.
    """

    path: Path
    values: Mapping[str, Any]

    @property
    def choices(self) -> dict[str, str]:
        """Group -> option, `hydra/...` groups included: `quality: quick`, `exporter: [mp4, gif]`."""
        return {
            key: PLUS.join(map(str, value)) if isinstance(value, list) else OFF if value is False else str(value)
            for key, value in self.values.items()
            if "/" in key
            or (key in Config.GROUPS and (isinstance(value, str) or value is False))
            or (key == JOINED_GROUP and isinstance(value, list))
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Everything else."""
        return {key: value for key, value in self.values.items() if key not in self.choices}

    def set_keys(self) -> Iterator[str]:
        """Gives the keys that it sets, dotted."""
        yield from _leaves((), self.settings)


def read_user_defaults() -> UserDefaults | None:
    """Reads the file that VGPIPE_CONFIG names, else the one in the user's config folder.

    Returns:
        None where there is no file, and where VGPIPE_CONFIG is empty.

    Raises:
        ConfigError: where it is no YAML mapping, or sets keys that are not there.
    """
    path = defaults_path()
    if path is None:
        return None
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).replace(UNNAMED, "").split())
        raise _error(Fault(str(path), f"cannot be read: {reason}")) from error
    if values is None:
        return None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        remedy = "write it as in the config of a run, such as quality: quick"
        raise _error(Fault(str(path), "is no mapping of keys to values", remedy))
    found = UserDefaults(path, values)
    faults = [_fault(found, *unknown) for key in found.set_keys() if (unknown := _unknown(key)) is not None]
    if faults:
        raise _error(*faults)
    return found


def defaults_path() -> Path | None:
    """Returns where the file is; None where there is none."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return expanded(named) if named else None
    from platformdirs import user_config_path

    try:
        path = user_config_path("vgpipe", appauthor=False) / "config.yaml"
    except RuntimeError:  # no HOME, and a number that no user has
        return None
    return path if path.is_file() else None


def naming_file(error: ConfigError, typed: Sequence[str]) -> ConfigError:
    """Returns an error whose faults name the file where an invalid value is from there.

    Args:
        error: of the composed config.
        typed: the overrides on the command line, which are stronger than the file.
    """
    defaults = read_user_defaults()
    if defaults is None:
        return error
    set_here, set_there = set(defaults.set_keys()), {text.partition("=")[0].lstrip("+~") for text in typed}
    faults = [
        _fault(defaults, fault.where, fault.remedy, fault.what)
        if _is_below(fault.where, set_here) and not _is_below(fault.where, set_there)
        else fault
        for fault in error.faults
    ]
    return ConfigError(error.headline, faults)


def _fault(defaults: UserDefaults, key: str, remedy: str, what: str = "there is no such key") -> Fault:
    return Fault(f"{defaults.path}: {key}", what, remedy)


def _error(*faults: Fault) -> ConfigError:
    return ConfigError(INVALID_DEFAULTS, faults)


def _unknown(key: str) -> tuple[str, str] | None:
    return None if key == "defaults" or key.split(".")[0] == "hydra" else unknown_key(key)


def _leaves(path: tuple[str, ...], value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and value and not (path and takes_any_key(path)):
        for key, below in value.items():
            yield from _leaves((*path, str(key)), below)
    elif path:
        yield ".".join(path)


def _is_below(key: str, others: set[str]) -> bool:
    parts = key.split(".")
    return any(".".join(parts[:length]) in others for length in range(1, len(parts) + 1))
