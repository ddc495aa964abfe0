"""Checks the overrides that the user typed, before Hydra stops at its first error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from vgpipe.config.fields import nearest, unknown_key
from vgpipe.config.groups import options
from vgpipe.config.joined_options import JOINED_GROUP, join_options, register_joined, split_options
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault

FEW = 8


def parse_overrides(overrides: Sequence[str], config_dir: str | None) -> list[Override]:
    """Parses override arguments and checks their keys and group choices.

    Args:
        overrides: as typed, `key=value` each.
        config_dir: the user's own group folder, if any.

    Returns:
        Hydra's parsed overrides, in order.

    Raises:
        ConfigError: with a fault for each unreadable override, unknown key and unknown group option.

    Side effects:
        Registers choices that join several options with Hydra.
    """
    found: list[Override] = []
    faults: list[Fault] = []
    if config_dir is not None and not Path(config_dir).is_dir():
        faults.append(
            Fault("--config-dir", f"{config_dir!r} is not a folder", "give the folder that holds your groups")
        )
    for text in map(join_options, overrides):
        override = _parse(text, faults)
        if override is not None:
            faults += _key_faults(override, config_dir)
            found.append(override)
    if faults:
        raise ConfigError("invalid command line", faults)
    return found


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
        faults.append(Fault(text[:80], f"cannot be parsed as key=value ({reason})", _quoting_remedy(text)))
        return None


def _quoting_remedy(text: str) -> str:
    key, equals, value = text.partition("=")
    if not equals:
        return "options are typed key=value, for example quality=quick"
    return f"""quote the value inside the shell's quotes: '{key}="{value[:60]}"'"""


def _key_faults(override: Override, config_dir: str | None) -> list[Fault]:
    key = override.key_or_group
    if key == "hydra.job.chdir":
        return [
            Fault(key, "vgpipe runs in the directory where it is started", "leave it out; files go to hydra.run.dir")
        ]
    if override.is_sweep_override() and not override.is_discrete_sweep():
        return [Fault(key, "interval() needs another sweeper", f"name the values: {key}=range(0,3) or {key}=1,2")]
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        return []
    if key in Config.GROUPS:
        return _choice_faults(override, config_dir)
    unknown = unknown_key(key)
    return [Fault(unknown[0], "there is no such key", unknown[1])] if unknown else []


def _choice_faults(override: Override, config_dir: str | None) -> list[Fault]:
    group, known = override.key_or_group, options(override.key_or_group, config_dir)
    listed = f" ({', '.join(known)})" if len(known) <= FEW else ""
    typed = _choices(override, config_dir)
    choices = [split_options(group, choice) for choice in typed]
    unknown = [name for names in choices for name in names if name not in known]
    twice = [name for names in choices for name in dict.fromkeys(names) if names.count(name) > 1]
    if not (unknown or twice) and group == JOINED_GROUP:
        register_joined(typed)
    return [
        *(Fault(group, f"{name!r} is not one of its options{listed}", nearest(name, known)) for name in unknown),
        *(Fault(group, f"{name!r} is named twice", "name each exporter once") for name in twice),
    ]


def sweep_values(override: Override, config_dir: str | None) -> list[str]:
    """Returns the values of a discrete sweep, `glob(*)` over a group's options included."""
    pattern = override.value()
    if isinstance(pattern, Glob):
        return list(pattern.filter(list(options(override.key_or_group, config_dir))))
    return [str(value) for value in override.sweep_string_iterator()]


def _choices(override: Override, config_dir: str | None) -> list[str]:
    if override.is_delete():
        return []
    if override.is_sweep_override():
        return sweep_values(override, config_dir)
    return [str(override.get_value_element_as_str())]
