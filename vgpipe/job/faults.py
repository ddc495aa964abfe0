"""Collects every fault of a job, so that all are reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from vgpipe.errors import Fault, JobError

MAX_FAULTS_SHOWN = 50
MAX_VALUE_CHARS = 60
MAX_NAMES_SHOWN = 5
VALUES = "prompts"
"""The source of a job whose prompts are values of a program; no file has it as its name, for want of a suffix."""


def name_of_line(source: str, line: int) -> str:
    """Returns what messages call a line of a job: `line 4`, or `prompts[3]` where prompts are values of a program."""
    return f"{VALUES}[{line - 1}]" if source == VALUES else f"line {line}"


class Faults:
    """The faults found in one job file so far; each is kept once.

    Args:
        source: the job file's path as given; `VALUES` for prompts that are values of a program; "" without a job.
        names: what the lines are called, where they are the files of a folder.
    """

    def __init__(self, source: str, names: Sequence[str] = ()):
        self.source = source
        self._names = names
        self._found: dict[tuple[int, str, str], Fault] = {}
        self._places: set[str] = set()
        self._notes: dict[str, dict[int | str, None]] = {}

    def add(self, line: int, what: str, remedy: str = "") -> None:
        """Records a fault at a line of the file; line 0 stands for the file as a whole."""
        where = self._place(line) if line else self.source
        self._found.setdefault((line, where, what), Fault(where, what, remedy))

    def _place(self, line: int) -> str:
        if self._names:
            return f"{self.source}/{format_text(self._names[line - 1])}"
        return name_of_line(self.source, line) if self.source == VALUES else f"{self.source}:{line}"

    def name_of(self, line: int) -> str:
        """Returns what messages call a line beside others: `line 4`, or the name of its file."""
        return format_text(self._names[line - 1]) if self._names else name_of_line(self.source, line)

    def add_at(self, where: str, what: str, remedy: str = "") -> None:
        """Records a fault that is not in the file, such as one of `clip.seed` on the command line."""
        self._found.setdefault((0, where, what), Fault(where, what, remedy))
        self._places.add(where)

    @property
    def is_of_files(self) -> bool:
        """Whether the lines are the files of a folder."""
        return bool(self._names)

    def note(self, line: int, what: str) -> None:
        """Records what the user should know of a line that is no fault; the same of several lines is one note."""
        self._notes.setdefault(what, {})[line] = None

    def note_at(self, where: str, what: str) -> None:
        """Records a note that is not on the file, such as one on `clip.prompt` on the command line."""
        self._notes.setdefault(what, {})[where] = None

    def notes(self) -> tuple[str, ...]:
        """Returns the notes as sentences, each with its lines, in the order in which they were found."""
        return tuple(f"{self._where(list(places))}: {what}" for what, places in self._notes.items())

    def _where(self, places: list[int | str]) -> str:
        lines = [place for place in places if isinstance(place, int)]
        others = [place for place in places if isinstance(place, str)]
        if len(lines) == 1:
            others.append(self._place(lines[0]) if lines[0] else self.source)
        elif self.source == VALUES or self._names:
            others += [self.name_of(line) for line in lines]
        elif lines:
            return _listed([*others, f"{self.source}, lines {_listed([str(line) for line in lines])}"])
        return _listed(others)

    def is_at(self, where: str) -> bool:
        """Returns whether `add_at` recorded a fault at this place."""
        return where in self._places

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raises all faults as one error, in the order of their lines.

        Raises:
            JobError: there is at least one fault.
        """
        if self._found:
            raise self.error()

    def error(self) -> JobError:
        """Returns one error with all faults; at most 50 are listed, the others are counted."""
        ordered = sorted(self._found.items(), key=lambda item: item[0][0])
        shown = [fault for _, fault in ordered[:MAX_FAULTS_SHOWN]]
        left = len(ordered) - len(shown)
        if left:
            shown.append(Fault(self.source or "job", f"and {left} more"))
        count = f"{len(ordered)} fault{'s' if len(ordered) != 1 else ''}"
        place = f"in {self.source}" if self.source else "in the job"
        return JobError(f"{count} {place}; nothing was started", shown)


def _listed(names: list[str]) -> str:
    """Returns the first of some names and how many more there are."""
    left = len(names) - MAX_NAMES_SHOWN
    return f"{', '.join(names[:MAX_NAMES_SHOWN])} and {left:,} more" if left > 0 else ", ".join(names)


def format_value(value: object) -> str:
    """Formats a user's value for a message: short, on one line, without control characters."""
    if isinstance(value, str):
        return f'"{format_text(value)}"'
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return format_text(_number(value))


def format_text(text: str) -> str:
    """Formats a user's text as `format_value` does, without quotes."""
    cut = text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 3] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the known word that `word` most likely stands for, or None."""
    lowered = word[:MAX_VALUE_CHARS].strip().lower().replace("-", "_").replace(" ", "_")
    return next(iter(difflib.get_close_matches(lowered, list(known), n=1, cutoff=0.6)), None)


def _number(value: object) -> str:
    # Python refuses to write out an integer of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    return str(value)
