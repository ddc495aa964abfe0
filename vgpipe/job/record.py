"""A job file as read: settings that are not yet resolved, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RawSettings:
    """The settings of one mapping of the job file.

    Attributes:
        values: setting -> value, of the right type and range; `seed` or `seeds`, `num_frames` or `seconds`;
            `image` is a path, not yet looked at, perhaps with `{name}` places.
        lines: setting -> line of the file, from 1.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawShot:
    """One shot of an entry.

    Attributes:
        line: where it starts in the file, from 1.
        number: its place among the shots, from 1.
        prompt: still with its `{name}` places.
        length: its own `num_frames` or `seconds`, if any.
        cut: whether it starts with a cut, independent of the shot before.
    """

    line: int
    number: int
    prompt: str
    length: RawSettings = field(default_factory=RawSettings)
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the job's list of prompts; seeds and matrix can make many clips of it.

    Attributes:
        line: where it starts in the file, from 1.
        prompt: the prompt, still with its `{name}` places; that of the first shot where there are shots; "" for an
            image of a folder that has none.
        id: the user's own name for it, still with its `{name}` places, or None.
        settings: its own settings.
        matrix: name -> the texts that take its place, in the file's order.
        shots: its shots; empty for a single prompt.
        keeps_prompt: whether its prompt is stronger than `clip.prompt`: the text beside an image of a folder is.
    """

    line: int
    prompt: str
    id: str | None = None
    settings: RawSettings = field(default_factory=RawSettings)
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shots: tuple[RawShot, ...] = ()
    keeps_prompt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job file, read and checked.

    Attributes:
        source: the path as given, for messages.
        name: the job's name, safe as the name of a folder.
        title: the job's name as the user wrote it.
        defaults: the settings of prompts that do not set their own.
        entries: the prompts, in the file's order; at least one.
        folder: where relative paths in it start; by default the working directory.
        notes: what the user should know about how it was read, a sentence each.
        line_names: what its lines are, where it is a folder: the names of the images.
    """

    source: str
    name: str
    title: str
    defaults: RawSettings
    entries: tuple[Entry, ...]
    folder: Path = Path()
    notes: tuple[str, ...] = ()
    line_names: tuple[str, ...] = ()
