"""Gathering every fault of a job before saying anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from vgpipe.errors import Fault, JobError

MAX_FAULTS_SHOWN = 50
MAX_VALUE_CHARS = 60


class Faults:
    """The faults found in one job file so far; each is kept once.

    Args:
        source: the job file's path as given; "" when there is no file.
    """

    def __init__(self, source: str):
        self.source = source
        self._found: dict[tuple[int, str, str], Fault] = {}
        self._places: set[str] = set()

    def add(self, line: int, what: str, remedy: str = "") -> None:
        """Note a fault at a line of the file; line 0 stands for the file as a whole."""
        where = f"{self.source}:{line}" if line else self.source
        self._found.setdefault((line, where, what), Fault(where, what, remedy))

    def add_at(self, where: str, what: str, remedy: str = "") -> None:
        """Note a fault that is not in the file, such as one of `clip.seed` on the command line."""
        self._found.setdefault((0, where, what), Fault(where, what, remedy))
        self._places.add(where)

    def is_at(self, where: str) -> bool:
        """Tell whether `add_at` noted a fault at this place."""
        return where in self._places

    def __len__(self) -> int:
        return len(self._found)

    def raise_any(self) -> None:
        """Raise them all, in the order of the lines, as one error.

        Raises:
            JobError: there is at least one fault.
        """
        if self._found:
            raise self.error()

    def error(self) -> JobError:
        """Make one error of them all; at most 50 are shown, the rest are counted."""
        ordered = sorted(self._found.items(), key=lambda item: item[0][0])
        shown = [fault for _, fault in ordered[:MAX_FAULTS_SHOWN]]
        left = len(ordered) - len(shown)
        if left:
            shown.append(Fault(self.source or "job", f"and {left} more"))
        count = f"{len(ordered)} fault{'s' if len(ordered) != 1 else ''}"
        place = f"in {self.source}" if self.source else "in the job"
        return JobError(f"{count} {place}; nothing was started", shown)


def shown(value: object) -> str:
    """Show a value of the user's in a message: short, on one line, with nothing a terminal would obey."""
    if isinstance(value, str):
        return f'"{_printable(value)}"'
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return _printable(_number(value))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` most likely stands for, or None."""
    lowered = word[:MAX_VALUE_CHARS].strip().lower().replace("-", "_").replace(" ", "_")
    return next(iter(difflib.get_close_matches(lowered, list(known), n=1, cutoff=0.6)), None)


def _number(value: object) -> str:
    # Python refuses to write out an integer of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    return str(value)


def _printable(text: str) -> str:
    cut = text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 3] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
