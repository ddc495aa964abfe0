"""The job as the user wrote it: settings not yet resolved, each with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Written:
    """Settings as written in one place of the job file.

    Attributes:
        values: setting -> value, of the right type and range; `seed` or `seeds`, `num_frames` or `seconds`;
            `image` is a path, not yet looked at, perhaps with `{name}` places.
        lines: setting -> line of the file, from 1.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenShot:
    """One shot of an entry.

    Attributes:
        line: where it starts in the file, from 1.
        number: its place among the shots, from 1.
        prompt: still with its `{name}` places.
        length: its `num_frames` or `seconds`, if it says so itself.
        cut: whether it begins anew.
    """

    line: int
    number: int
    prompt: str
    length: Written = field(default_factory=Written)
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the job's list of prompts; seeds and matrix can make many clips of it.

    Attributes:
        line: where it starts in the file, from 1.
        prompt: the prompt, still with its `{name}` places; that of the first shot where there are shots.
        id: the user's own name for it, still with its `{name}` places, or None.
        settings: its own settings.
        matrix: name -> the texts that take its place, in the file's order.
        shots: its shots; empty for a single prompt.
    """

    line: int
    prompt: str
    id: str | None = None
    settings: Written = field(default_factory=Written)
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shots: tuple[WrittenShot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job file, read and checked.

    Attributes:
        source: the path as given, for messages.
        name: the job's name, safe as the name of a folder.
        title: the job's name as the user wrote it.
        defaults: the settings for prompts that do not say otherwise.
        entries: the prompts, in the file's order; at least one.
        folder: where relative paths in it start; by default the working directory.
    """

    source: str
    name: str
    title: str
    defaults: Written
    entries: tuple[Entry, ...]
    folder: Path = Path()
