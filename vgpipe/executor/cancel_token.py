"""When a run stops early on purpose: on request, from any thread, or at a deadline."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class CancelToken:
    """Asks a run for an orderly stop: it saves a checkpoint and returns, and can be resumed.

    Any thread may cancel it and ask it; a request is never taken back.

    Args:
        parents: tokens whose requests count here too, while those made here do not reach them.
        started: when what it stops began, UNIX seconds; None for now.
    """

    def __init__(self, *parents: CancelToken, started: float | None = None) -> None:
        self._parents = parents
        self._reason = ""
        self._deadline: float | None = None
        self._deadline_name = ""
        self._started = time.time() if started is None else started
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
            until: a time of day, `07:00`; the first time the local clock shows it after the start.
            budget: a duration since the start, `8h`.
        """
        if self._deadline is not None:
            return  # a sweep sets them once: in a later combination 07:00 would be tomorrow's
        named = []
        if until:
            named.append(
                (next_time_of_day(until, datetime.fromtimestamp(self._started)).timestamp(), f"run.until={until}")
            )
        if budget:
            named.append((self._started + duration_s(budget), f"run.budget={budget}"))
        if named:
            self._deadline, self._deadline_name = min(named)

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
        if not self.reason and self._deadline is not None and time.time() >= self._deadline:
            self.cancel(f"{self._deadline_name} is reached")
        return bool(self.reason)


def duration_s(text: str) -> float:
    """Returns the seconds of `30s`, `90m`, `8h` or `2d`."""
    return float(text[:-1]) * UNIT_S[text[-1]]


def next_time_of_day(text: str, now: datetime) -> datetime:
    """Returns the next moment after `now` at which a clock shows `text` (`07:00`)."""
    hour, minute = map(int, text.split(":"))
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)
