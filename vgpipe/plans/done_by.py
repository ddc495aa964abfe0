"""The record of how many clips will be done by a deadline; imports no planner."""

from __future__ import annotations

from dataclasses import dataclass

from vgpipe.units import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneBy:
    """How many clips will be done by a deadline.

    Attributes:
        at: the deadline, `07:00`.
        will_be_done: about how many, those that are done before the start included.
        least: at least so many.
        most: at most.
        of: all clips of the run that have not failed.
    """

    at: str
    will_be_done: int
    least: int
    most: int
    of: int

    def __str__(self) -> str:
        if self.least == self.of:
            return f"by {self.at}: all {counted(self.of, 'clip')}"
        span = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"by {self.at}: {span} of {counted(self.of, 'clip')}"

    @property
    def misses(self) -> int:
        """About how many will not be done."""
        return self.of - self.will_be_done
