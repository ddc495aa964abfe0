"""When a run stops early on purpose: on request, from any thread, or at a deadline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from vgpipe.executor.moment import Moment
from vgpipe.units import finish_time

log = logging.getLogger(__name__)

CLOCK_WAS_SET_S = 60.0
"""A clock that differs by more from what it should show was set, rather than corrected bit by bit."""
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """When a run stops early.

    Attributes:
        left_s: seconds until then; below 0 once it is over.
        now: when that was said, local time.
    """

    left_s: float
    now: datetime

    @property
    def at(self) -> str:
        """The deadline as people write it, `07:00`; with the day where that is more than a day away."""
        return finish_time(self.now + timedelta(seconds=self.left_s), self.now)


class CancelToken:
    """Asks a run for an orderly stop: it saves a checkpoint and returns, and can be resumed.

    Any thread may cancel it and ask it; a request is never taken back.

    Args:
        parents: tokens whose requests count here too, while those made here do not reach them.
        started: when what it stops began; None for now.
    """

    def __init__(self, *parents: CancelToken, started: Moment | None = None) -> None:
        self._parents = parents
        self._reason = ""
        self._until: str | None = None
        self._budget: str | None = None
        self._has_deadlines = False
        self._started = started or Moment.now()
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that holds it

    @property
    def reason(self) -> str:
        """Why to stop; empty while nobody has asked for it."""
        return self._reason or next((one.reason for one in self._parents if one()), "")

    @property
    def is_cancelled(self) -> bool:
        """Whether to stop."""
        return self()

    def set_deadlines(self, *, until: str | None, budget: str | None) -> None:
        """Sets when to stop, whichever comes first.

        Args:
            until: a time of day, `07:00`; the first time the local clock shows it after the start. Where the clock is
                set meanwhile, the clock as it is then counts, for the start too.
            budget: a duration since the start, `8h`; a clock that is set does not change it, and a machine that is
                suspended uses none of it up.
        """
        if self._has_deadlines:
            return  # a sweep sets them once: in a later combination 07:00 would be tomorrow's
        self._until, self._budget = until, budget
        self._has_deadlines = bool(until or budget)

    def deadline(self) -> Deadline | None:
        """Returns the deadline that comes first; None without any."""
        of_parents = (one.deadline() for one in self._parents)
        return min((one for one in (*self._own_deadlines(), *of_parents) if one is not None), default=None)

    def _own_deadlines(self) -> Iterator[Deadline]:
        now = datetime.now()
        if self._budget:
            yield Deadline(duration_s(self._budget) - self._started.elapsed_s(), now)
        if self._until:
            moment = next_time_of_day(self._until, datetime.fromtimestamp(self._began_s()))
            yield Deadline((moment - now).total_seconds(), now)

    def cancel(self, reason: str = "cancelled", consequence: str = "stopping; finish it with resume") -> None:
        """Asks for an orderly stop; the first reason counts.

        Args:
            reason: why, for the log.
            consequence: what follows, for the log.
        """
        with self._lock:
            if self._reason:
                return
            self._reason = reason
        log.warning("%s: %s", reason, consequence)

    def __call__(self) -> bool:
        """Says whether to stop now."""
        if not self.reason and self._has_deadlines and (reached := self._reached()):
            self.cancel(f"{reached} is reached")
        return bool(self.reason)

    def _reached(self) -> str:
        """Returns which deadline is over; empty where none is."""
        if self._budget and self._started.elapsed_s() >= duration_s(self._budget):
            return f"run.budget={self._budget}"
        if self._until and datetime.now() >= next_time_of_day(self._until, datetime.fromtimestamp(self._began_s())):
            return f"run.until={self._until}"
        return ""

    def _began_s(self) -> float:
        """Returns when it began, UNIX seconds; by the clock as it is now, where that was set meanwhile."""
        recorded_s, corrected_s = self._started.wall_s, self._started.on_todays_clock()
        return corrected_s if abs(corrected_s - recorded_s) > CLOCK_WAS_SET_S else recorded_s


def duration_s(text: str) -> float:
    """Returns the seconds of `30s`, `90m`, `8h` or `2d`."""
    return float(text[:-1]) * UNIT_S[text[-1]]


def next_time_of_day(text: str, now: datetime) -> datetime:
    """Returns the next moment after `now` at which a clock shows `text` (`07:00`)."""
    hour, minute = map(int, text.split(":"))
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)
