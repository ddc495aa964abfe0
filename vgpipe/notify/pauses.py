"""How long nothing happens in a run, and whether that is longer than it usually takes."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES_LONGEST = 5
"""A pause this many times as long as the longest so far at the same kind of work is no ordinary one."""
TIMES_UNKNOWN = 3
"""How many times the least a pause may take at work of which none has ended yet: the first step compiles and loads."""


class Pauses:
    """Notes when something happens, and learns how long it usually takes until something does.

    Args:
        least_s: shorter pauses are never a stall.
        clock_s: a monotonic clock, seconds.
    """

    def __init__(self, least_s: float, clock_s: Callable[[], float] = time.monotonic):
        self._least_s, self._clock_s = least_s, clock_s
        self._since_s, self._doing = clock_s(), ""
        self._longest_s: dict[str, float] = {}
        self._is_told = self._is_on_purpose = False

    def happened(self, doing: str) -> float:
        """Notes that something happened.

        Args:
            doing: what kind of work follows, `denoise`.

        Returns:
            How long nothing had happened, if that was a stall that `stalled_s` reported; else 0.
        """
        now_s = self._clock_s()
        pause_s, was_told = now_s - self._since_s, self._is_told
        if not (was_told or self._is_on_purpose):
            self._longest_s[self._doing] = max(self._longest_s.get(self._doing, 0.0), pause_s)
        self._since_s, self._doing, self._is_told = now_s, doing, False
        return pause_s if was_told else 0.0

    def stop(self) -> None:
        """Notes that nothing will happen, on purpose, until `go_on`."""
        self._is_on_purpose = True

    def go_on(self) -> None:
        """Notes that something is to happen again."""
        self._since_s, self._is_on_purpose = self._clock_s(), False

    def stalled_s(self) -> float:
        """Returns how long nothing has happened where that is too long; once until something happens, else 0."""
        pause_s = self._clock_s() - self._since_s
        if self._is_told or self._is_on_purpose or pause_s <= self.allowed_s():
            return 0.0
        self._is_told = True
        return pause_s

    def allowed_s(self) -> float:
        """Returns how long a pause may take at what runs now."""
        longest_s = self._longest_s.get(self._doing)
        if longest_s is None:
            return TIMES_UNKNOWN * self._least_s
        return max(self._least_s, TIMES_LONGEST * longest_s)
