"""From levers to the settings that are measured; the full run and the baseline are always among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from vgpipe.bench.levers import baseline
from vgpipe.bench.levers.registry import LEVERS, STEPS
from vgpipe.config.schema import ClipOverrides, Config
from vgpipe.errors import UsageError

MAX_SETTINGS = 200
OF_CLIPS = frozenset(one.name for one in fields(ClipOverrides))


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One point of the grid.

    Attributes:
        name: what it is called: `steps=8 guidance=1`.
        quality: the keys of the group `quality` that it sets.
    """

    name: str
    quality: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name of its run directory."""
        return self.name.replace(" ", ",")


@dataclass(frozen=True, slots=True)
class Grid:
    """The settings of a bench.

    Attributes:
        full: the full run: what the config asks for.
        baseline: the fewest steps.
        settings: all of them, cheap ones first, these two included.
    """

    full: Setting
    baseline: Setting
    settings: tuple[Setting, ...]


def grid(tried: Mapping[str, Sequence[Any]], steps: int) -> Grid:
    """Returns each value of each lever alone, at every number of steps.

    Args:
        tried: lever -> the values beside what the full run has.
        steps: of the full run.

    Raises:
        UsageError: where the full run has no more steps than the baseline, or the grid is too large.
    """
    if steps <= baseline.STEPS:
        raise UsageError(
            f"the full run has {steps} steps, the baseline {baseline.STEPS}: there is nothing to compare -> "
            "clip.num_inference_steps=20"
        )
    counts = sorted({baseline.STEPS, *tried.get(STEPS, ()), steps})
    others = [(name, value) for name, values in tried.items() if name != STEPS for value in values]
    settings = [_setting(count, *other) for count in counts for other in [(), *((one,) for one in others)]]
    if len(settings) > MAX_SETTINGS:
        raise UsageError(f"{len(settings)} settings are more than {MAX_SETTINGS} -> name fewer values: steps=[4,8,12]")
    named = {one.name: one for one in settings}
    full, low = (named[_setting(count).name] for count in (steps, baseline.STEPS))
    return Grid(full=full, baseline=low, settings=tuple(settings))


def _setting(steps: int, *others: tuple[str, Any]) -> Setting:
    pairs = [(STEPS, steps), *others]
    name = " ".join(f"{lever}={_shown(value)}" for lever, value in pairs)
    return Setting(name, {LEVERS[lever].KEY: value for lever, value in pairs})


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "-".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def config_of(setting: Setting, config: Config) -> Config:
    """Returns the config of a setting: what `clip.*` can set is set there, where nothing in a job is stronger.

    Args:
        setting: a point of the grid.
        config: of the full run.
    """
    of_clips = dict(_of(setting, in_clips=True))
    others = dict(_of(setting, in_clips=False))
    return replace(config, clip=replace(config.clip, **of_clips), quality=replace(config.quality, **others))


def _of(setting: Setting, *, in_clips: bool) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in setting.quality.items() if (key in OF_CLIPS) is in_clips)
