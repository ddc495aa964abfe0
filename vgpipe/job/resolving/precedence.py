"""The places a setting can come from, and which of them is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vgpipe.job.faults import Faults
from vgpipe.job.record import Written
from vgpipe.job.template import fill


@dataclass(frozen=True, slots=True)
class Level:
    """One place that settings come from.

    Attributes:
        values: setting -> value; None counts as not set.
        prefix: the config key before the setting's name, as in "clip."; "" for the job file.
        lines: setting -> line of the job file; empty elsewhere.
    """

    values: Mapping[str, object]
    prefix: str
    lines: Mapping[str, int]

    @classmethod
    def of_file(cls, written: Written) -> Level:
        """Make the level of settings in the job file."""
        return cls(written.values, "", written.lines)

    @classmethod
    def of_config(cls, values: Mapping[str, object], prefix: str) -> Level:
        """Make the level of settings in the config or on the command line."""
        return cls({name: value for name, value in values.items() if value is not None}, prefix, {})

    @property
    def in_file(self) -> bool:
        """Whether the settings were written in the job file."""
        return not self.prefix

    def note(self, name: str, what: str, remedy: str, faults: Faults) -> None:
        """Note a fault of one of these settings where the user wrote it."""
        if self.in_file:
            faults.add(self.lines.get(name, 0), what, remedy)
        else:
            faults.add_at(f"{self.prefix}{name}", what, remedy)


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting that is in force.

    Attributes:
        name: the setting.
        value: its value.
        level: where it comes from.
    """

    name: str
    value: object
    level: Level

    def filled(self, values: Mapping[str, str]) -> str:
        """Return a text with its `{name}` places filled; what is not from the job file is literal."""
        return fill(str(self.value), values).strip() if self.level.in_file else str(self.value)


def strongest(levels: Sequence[Level], *names: str) -> InForce | None:
    """Find the setting in force.

    Args:
        levels: the strongest first.
        names: spellings of one setting, such as `num_frames` and `seconds`; in one level the first counts.

    Returns:
        It, or None if no level sets any of them.
    """
    for level in levels:
        for name in names:
            value = level.values.get(name)
            if value is not None:
                return InForce(name, value, level)
    return None
