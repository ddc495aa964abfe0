"""The sources a setting can come from, and which of them wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vgpipe.job.faults import Faults
from vgpipe.job.record import RawSettings
from vgpipe.job.template import fill


@dataclass(frozen=True, slots=True)
class SettingSource:
    """One source of settings: the command line, a prompt, the job's defaults, the quality preset or the model.

    Attributes:
        values: setting -> value; None counts as not set.
        prefix: the config key before the setting's name, as in "clip."; "" for the job file.
        lines: setting -> line of the job file; empty elsewhere.
    """

    values: Mapping[str, object]
    prefix: str
    lines: Mapping[str, int]

    @classmethod
    def of_file(cls, settings: RawSettings) -> SettingSource:
        """Returns settings of the job file as a source."""
        return cls(settings.values, "", settings.lines)

    @classmethod
    def of_config(cls, values: Mapping[str, object], prefix: str) -> SettingSource:
        """Returns settings of the config or the command line as a source."""
        return cls({name: value for name, value in values.items() if value is not None}, prefix, {})

    @property
    def in_file(self) -> bool:
        """Whether the settings are written in the job file."""
        return not self.prefix

    def add_fault(self, name: str, what: str, remedy: str, faults: Faults) -> None:
        """Records a fault of one of these settings at its line or key."""
        if self.in_file:
            faults.add(self.lines.get(name, 0), what, remedy)
        else:
            faults.add_at(f"{self.prefix}{name}", what, remedy)


@dataclass(frozen=True, slots=True)
class ResolvedSetting:
    """The value of a setting and where it comes from.

    Attributes:
        name: the setting, in the spelling that was used.
        value: its value.
        source: where it comes from.
    """

    name: str
    value: object
    source: SettingSource

    def filled(self, values: Mapping[str, str]) -> str:
        """Returns a text with its `{name}` places filled; a text that is not from the job file is literal."""
        return fill(str(self.value), values).strip() if self.source.in_file else str(self.value)

    def add_fault(self, what: str, remedy: str, faults: Faults) -> None:
        """Records a fault of this setting at its line or key."""
        self.source.add_fault(self.name, what, remedy, faults)


def strongest(sources: Sequence[SettingSource], *names: str) -> ResolvedSetting | None:
    """Returns a setting from the strongest source that sets it.

    Args:
        sources: the strongest first.
        names: spellings of one setting, such as `num_frames` and `seconds`; within a source the first counts.

    Returns:
        The setting, or None if no source sets it.
    """
    for source in sources:
        for name in names:
            value = source.values.get(name)
            if value is not None:
                return ResolvedSetting(name, value, source)
    return None
