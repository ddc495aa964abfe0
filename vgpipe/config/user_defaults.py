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
from vgpipe.config.secret_urls import KEY, split_urls
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
    values = None if path is None else _values_in(path)
    if path is None or values is None:
        return None
    _taken_urls(path, values)  # secrets: what is composed ends in files
    found = UserDefaults(path, values)
    faults = [_fault(found, *unknown) for key in found.set_keys() if (unknown := _unknown(key)) is not None]
    if faults:
        raise _error(*faults)
    return found


def own_setting(group: str, name: str) -> str | None:
    """Returns a text that the user's own file sets, of `group: {name: ...}`; None where it does not.

    Raises:
        ConfigError: where the file cannot be read.
    """
    own = read_user_defaults()
    below = own.settings.get(group) if own is not None else None
    found = below.get(name) if isinstance(below, Mapping) else None
    return found if isinstance(found, str) and found else None


def read_notify_urls() -> tuple[str, ...]:
    """Returns the URLs that `notify.urls` in the user's own file holds; none without a file.

    Raises:
        ConfigError: where the file cannot be read, or holds something else there.
    """
    path = defaults_path()
    values = None if path is None else _values_in(path)
    return () if path is None or values is None else _taken_urls(path, values)


def _values_in(path: Path) -> dict[str, Any] | None:
    text = ""
    try:
        text = path.read_text("utf-8")
        values = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _error(Fault(str(path), f"cannot be read: {_reason(error, text)}")) from None
    if values is None:
        return None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        remedy = "write it as in the config of a run, such as quality: quick"
        raise _error(Fault(str(path), "is no mapping of keys to values", remedy))
    return {key: with_on(value) for key, value in values.items()}


def with_on(value: Any) -> Any:
    """Returns a mapping in which the key `on` is a text: YAML reads it as true where it is not quoted."""
    return {"on" if key is True else key: below for key, below in value.items()} if isinstance(value, dict) else value


def _reason(error: Exception, text: str) -> str:
    """Returns why a file cannot be read; without the line that YAML quotes, where that may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None and "://" in text:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return " ".join(str(error).replace(UNNAMED, "").split())


def _taken_urls(path: Path, values: dict[str, Any]) -> tuple[str, ...]:
    """Takes `notify.urls` out of what the file holds, and returns the URLs."""
    group, key = KEY.split(".")
    below = values.get(group)
    found = below.pop(key, None) if isinstance(below, dict) else None
    found = values.pop(KEY, found)
    if below == {}:
        del values[group]
    texts = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(text, str) for text in texts):
        raise _error(Fault(f"{path}: {KEY}", "is neither a URL nor a list of URLs", "write [ntfy://TOPIC]"))
    return tuple(url for text in texts for url in split_urls(text))


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
