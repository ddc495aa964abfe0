"""Checks the overrides that the user typed, before Hydra stops at its first error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from vgpipe.config import kept_options
from vgpipe.config.composer import Composer, composer
from vgpipe.config.fields import is_structured, nearest, unknown_key
from vgpipe.config.groups import options
from vgpipe.config.joined_options import split_options
from vgpipe.config.remedies import kind_fault
from vgpipe.config.schema import Config
from vgpipe.config.sources import Sources
from vgpipe.config.typed_overrides import as_composed
from vgpipe.config.user_defaults import INVALID_DEFAULTS
from vgpipe.errors import ConfigError, Fault
from vgpipe.typed import Value, as_typed

FEW = 8
KEY = re.compile(r"[+~]*[A-Za-z_][\w./@-]*")
EXTRAS = {
    "hydra/launcher=joblib": "joblib",
    "hydra/launcher=submitit_local": "submitit",
    "hydra/launcher=submitit_slurm": "submitit",
    "hydra/launcher=ray": "ray-launcher",
    "hydra/sweeper=optuna": "optuna",
    "hydra/job_logging=colorlog": "colorlog",
    "hydra/hydra_logging=colorlog": "colorlog",
}
"""Option -> the extra of vgpipe that brings it."""
SEARCH_PATH = "hydra.searchpath"


def check_overrides(overrides: Sequence[str], sources: Sources, composer: Composer) -> list[Override]:
    """Parses override arguments and checks their keys and group choices, as far as Hydra would refuse them too.

    Args:
        overrides: as typed, `key=value` each.
        sources: where configs are looked up.
        composer: composes them from there.

    Returns:
        Hydra's parsed overrides, in order.

    Raises:
        ConfigError: with a fault for each unreadable override, unknown key and unknown group option.
    """
    found, faults = parse_overrides(overrides, sources, composer)
    if faults:
        raise ConfigError("invalid command line", faults)
    return found


def parse_overrides(
    overrides: Sequence[str], sources: Sources, composer: Composer
) -> tuple[list[Override], list[Fault]]:
    """Parses override arguments.

    Args:
        overrides: as typed, `key=value` each.
        sources: where configs are looked up.
        composer: composes them from there.

    Returns:
        Hydra's parsed overrides that are sound, in order, and the faults of the others.

    Raises:
        ConfigError: where there is no folder of the user's groups, or their own defaults choose what is not there.
    """
    if sources.config_dir is not None and not Path(sources.config_dir).is_dir():
        what, remedy = f"{sources.config_dir!r} is not a folder", "give the folder that holds your groups"
        raise ConfigError("invalid command line", [Fault("--config-dir", what, remedy)])
    check = OverrideCheck(overrides, sources, composer)
    found: list[Override] = []
    faults = check.default_faults()
    if faults:
        raise ConfigError(INVALID_DEFAULTS, faults)
    for text in map(as_composed, overrides):
        override = _parse(text, faults)
        if override is not None:
            wrong = check.faults(override)
            faults += wrong
            found += [] if wrong else [override]
    return found, faults


def _parse(text: str, faults: list[Fault]) -> Override | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "replace").decode()[:80]
        faults.append(Fault(text.partition("=")[0], f"{shown!r} is not valid UTF-8", "type it again in UTF-8"))
        return None
    try:
        return OverridesParser.create().parse_overrides([text])[0]
    except HydraException as error:
        reason = str(error).splitlines()[0]
        faults.append(Fault(text[:80], f"cannot be parsed as key=value ({reason})", quoting_remedy(text)))
        return None


def quoting_remedy(text: str) -> str:
    """Returns how to type an override whose value has to be quoted, for the shell and for Hydra.

    Args:
        text: as typed, after the shell has removed its own quotes.
    """
    key, equals, value = text.partition("=")
    if not equals or not KEY.fullmatch(key):
        return "options are typed key=value, for example quality=quick"
    return f"quote the value inside the shell's quotes: {as_typed(key, _meant(key, value))}"


def _meant(key: str, value: str) -> Value:
    """Returns the value that was meant: a list or mapping where the key takes one, else the text as it is."""
    if is_structured(key.lstrip("+~")) and value[:1] in ("[", "{"):
        try:
            return cast("Value", yaml.safe_load(value))
        except (ValueError, RecursionError, yaml.YAMLError):
            pass
    inner = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    return inner


class OverrideCheck:
    """Checks single overrides against the schema and the groups on the search path."""

    def __init__(self, overrides: Sequence[str], sources: Sources, composer: Composer) -> None:
        self._sources = sources
        self._composer = composer
        self._searched = [text for text in overrides if text.startswith(SEARCH_PATH)]

    def faults(self, override: Override) -> list[Fault]:
        """Returns what is wrong with an override; nothing where only Hydra can tell."""
        key = override.key_or_group
        if key == "hydra.job.chdir":
            remedy = "leave it out; files go to hydra.run.dir"
            return [Fault(key, "vgpipe runs in the directory where it is started", remedy)]
        if key == SEARCH_PATH:
            return _search_path_faults(override.value())
        if override.package is not None or key == "hydra" or key.startswith("hydra."):
            return []
        if key in Config.GROUPS or key.startswith("hydra/"):
            return self._choice_faults(override)
        unknown = unknown_key(key)
        if unknown is None and (wrong := kind_fault(key, override.value())) is not None:
            return [wrong]
        if unknown is None or (override.is_add() and self._found(key)):
            return []
        return [Fault(unknown[0], "there is no such key", unknown[1])]

    def default_faults(self) -> list[Fault]:
        """Returns what is wrong with the options that the user's own defaults choose; the command line is no remedy."""
        defaults, faults = self._composer.defaults, list[Fault]()
        if defaults is None:
            return faults
        for group, option in defaults.choices.items():
            override = _parse(f"{group}={option}", faults)
            faults += self._choice_faults(override) if override is not None else []
        return [replace(fault, where=f"{defaults.path}: {fault.where}") for fault in faults]

    def _choice_faults(self, override: Override) -> list[Fault]:
        group = override.key_or_group
        choices = [split_options(group, choice) for choice in _choices(override)]
        unknown = [name for names in choices for name in names if not self._is_option(group, name)]
        twice = [name for names in choices for name in dict.fromkeys(names) if names.count(name) > 1]
        known = self._found(group) if unknown else []
        further = f", {kept_options.ALLOWED}" if group == kept_options.GROUP else ""
        listed = f" ({', '.join(known)}{further})" if len(known) <= FEW else ""
        return [
            *(
                Fault(group, f"{name!r} is not one of its options{listed}", _remedy(group, name, known))
                for name in unknown
            ),
            *(Fault(group, f"{name!r} is named twice", "name each exporter once") for name in twice),
        ]

    def _is_option(self, group: str, name: str) -> bool:
        if name in options(group, self._sources.config_dir):  # most are, and asking Hydra takes 15 ms
            return True
        if kept_options.share_of(group, name) is not None:
            return True
        folder, _, stem = f"{group}/{name}".rpartition("/")
        return stem in self._found(folder)

    def _found(self, group: str) -> list[str]:
        return self._composer.get_group_options(group, config_name=self._sources.config_name, overrides=self._searched)


def _remedy(group: str, name: str, known: Sequence[str]) -> str:
    extra = EXTRAS.get(f"{group}={name}")
    return f"pip install 'vgpipe[{extra}]'" if extra else nearest(name, known)


def group_options(group: str, sources: Sources, overrides: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns what may be chosen in a group, of the folders in `hydra.searchpath` too.

    Args:
        group: its name.
        sources: where configs are looked up.
        overrides: of the command line.
    """
    searched = [text for text in overrides if text.startswith(SEARCH_PATH)]
    found = composer(sources).get_group_options(group, config_name=sources.config_name, overrides=searched)
    return tuple(found)


def _search_path_faults(value: object) -> list[Fault]:
    """Refuses folders that are not there, of which Hydra only warns: a group that is not found then looks unknown."""
    paths = [str(one).removeprefix("file://") for one in value] if isinstance(value, list) else []
    missing = [path for path in paths if "://" not in path and not Path(path).is_dir()]
    return [
        Fault(SEARCH_PATH, f"{path!r} is not a folder", "give the folder that holds your groups") for path in missing
    ]


def _choices(override: Override) -> list[str]:
    """Returns the options that an override names; none for a pattern over all of them, or where it removes one."""
    value = override.value()
    if override.is_delete() or isinstance(value, Glob) or value is None:
        return []
    if override.is_sweep_override():
        return list(map(str, override.sweep_string_iterator())) if override.is_discrete_sweep() else []
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(override.get_value_element_as_str())]
