"""When a run stops early on purpose: signals and deadlines."""

from __future__ import annotations

import logging
import os
import signal
import time
from datetime import datetime, timedelta
from types import FrameType, TracebackType
from typing import Any

log = logging.getLogger(__name__)

EXIT_STOPPED = 3
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class StopSignal:
    """Says when to stop.

    As a context manager it answers Ctrl-C and SIGTERM: the first asks for an orderly stop, the second ends the
    process at once, which is safe because everything on the disk is written whole or not at all.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._deadline: float | None = None
        self._deadline_name = ""
        self._started = time.time()
        self._saved: dict[int, Any] = {}

    def __enter__(self) -> StopSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._saved[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._saved.items():
            signal.signal(number, handler)

    def set_deadlines(self, *, until: str | None, budget: str | None) -> None:
        """Sets when to stop, whichever comes first.

        Args:
            until: a time of day, `07:00`; the next time the local clock shows it.
            budget: a duration since this object was made, `8h`.
        """
        if self._deadline is not None:
            return  # a sweep sets them once: in a later combination 07:00 would be tomorrow's
        named = []
        if until:
            named.append((next_time_of_day(until, datetime.now()).timestamp(), f"run.until={until}"))
        if budget:
            named.append((self._started + duration_s(budget), f"run.budget={budget}"))
        if named:
            self._deadline, self._deadline_name = min(named)

    def request(self, reason: str) -> None:
        """Asks for an orderly stop."""
        if not self.reason:
            self.reason = reason
            log.warning("%s: stopping; finish it with resume", reason)

    def __call__(self) -> bool:
        """Says whether to stop now."""
        if not self.reason and self._deadline is not None and time.time() >= self._deadline:
            self.request(f"{self._deadline_name} is reached")
        return bool(self.reason)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.reason:
            os._exit(EXIT_STOPPED)
        self.reason = f"{signal.Signals(number).name} received"
        log.warning("%s: saving a checkpoint and stopping; press again to stop immediately", self.reason)


def duration_s(text: str) -> float:
    """Returns the seconds of `30s`, `90m`, `8h` or `2d`."""
    return float(text[:-1]) * UNIT_S[text[-1]]


def next_time_of_day(text: str, now: datetime) -> datetime:
    """Returns the next moment after `now` at which a clock shows `text` (`07:00`)."""
    hour, minute = map(int, text.split(":"))
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)
