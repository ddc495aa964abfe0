"""The keys of `bench` itself, taken out of the command line before the rest is composed as for any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from vgpipe.bench.levers.base import Lever
from vgpipe.bench.levers.registry import DEFAULT, LEVERS
from vgpipe.bench.scores import MEASURES, SSIM
from vgpipe.config.fields import nearest
from vgpipe.config.schema import Config, QualityConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError, Fault
from vgpipe.typed import as_typed

LEVERS_KEY, PROMPTS_KEY, CLIPS_KEY, BY_KEY = "levers", "prompts", "clips", "by"
KEYS = (LEVERS_KEY, PROMPTS_KEY, CLIPS_KEY, BY_KEY, *LEVERS)
CLIPS, MIN_CLIPS, MAX_CLIPS = 8, 2, 10_000
HEADLINE = "invalid command line"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a bench is to measure.

    Attributes:
        levers: what is varied.
        values: lever -> the values that the user named, of those with any.
        clips: how many clips of the job at most.
        by: the measure that the frontier goes by.
        overrides: the rest of the command line.
    """

    levers: tuple[str, ...]
    values: Mapping[str, tuple[Any, ...]]
    clips: int
    by: str
    overrides: tuple[str, ...]

    def tried(self, config: Config, steps: int) -> dict[str, tuple[Any, ...]]:
        """Returns the values of each lever.

        Args:
            config: of the full run.
            steps: its denoising steps.
        """
        named = {name: self.values.get(name, LEVERS[name].values(config, steps)) for name in self.levers}
        return {name: values for name, values in named.items() if values}


def asked(overrides: Sequence[str]) -> Asked:
    """Reads the keys of `bench`.

    Args:
        overrides: as typed.

    Raises:
        ConfigError: naming everything that is wrong with them.
    """
    faults: list[Fault] = []
    own = {key: text for key, equals, text in (one.partition("=") for one in overrides) if equals and key in KEYS}
    rest = [one for one in overrides if one.partition("=")[0] not in own]
    if PROMPTS_KEY in own:
        rest.append(as_typed("job", own[PROMPTS_KEY]))
    values = {name: _values(name, LEVERS[name], own[name], faults) for name in LEVERS if name in own}
    levers = _levers(own.get(LEVERS_KEY), values, faults)
    clips, by = _clips(own.get(CLIPS_KEY), faults), own.get(BY_KEY, SSIM)
    if by not in MEASURES:
        faults.append(Fault(BY_KEY, f"{by!r} is no measure ({', '.join(MEASURES)})", nearest(by, MEASURES)))
    if faults:
        raise ConfigError(HEADLINE, faults)
    return Asked(levers, values, clips, by, tuple(rest))


def _listed(text: str) -> list[Any]:
    found = yaml.safe_load(text if text.startswith("[") else f"[{text}]")
    return found if isinstance(found, list) else [found]


def _levers(text: str | None, values: Mapping[str, object], faults: list[Fault]) -> tuple[str, ...]:
    if text is None:
        return tuple(dict.fromkeys((*DEFAULT, *values)))
    names = [name.strip() for name in text.strip("[]").split(",") if name.strip()]
    unknown = [name for name in names if name not in LEVERS]
    faults += [
        Fault(LEVERS_KEY, f"{name!r} is no lever ({', '.join(LEVERS)})", nearest(name, LEVERS)) for name in unknown
    ]
    if not names:
        faults.append(Fault(LEVERS_KEY, "names no lever", f"one or more of: {', '.join(LEVERS)}"))
    return tuple(dict.fromkeys((*(name for name in names if name in LEVERS), *values)))


def _values(name: str, lever: Lever, text: str, faults: list[Fault]) -> tuple[Any, ...]:
    try:
        given = _listed(text)
        found = [getattr(validate_as(QualityConfig, {lever.KEY: one}), lever.KEY) for one in given]
    except (yaml.YAMLError, ConfigError, TypeError):
        given = found = []
    if not found or None in found:
        faults.append(
            Fault(name, f"{text!r} is not allowed: {lever.ALLOWED}", f"type {name}=[...], such as {lever.EXAMPLE}")
        )
    return tuple(found)


def _clips(text: str | None, faults: list[Fault]) -> int:
    if text is None:
        return CLIPS
    if not text.isdecimal() or not MIN_CLIPS <= int(text) <= MAX_CLIPS:
        what = f"{text!r} is not allowed: a whole number from {MIN_CLIPS} to {MAX_CLIPS}"
        faults.append(Fault(CLIPS_KEY, what, f"type {CLIPS_KEY}={CLIPS}"))
        return CLIPS
    return int(text)
