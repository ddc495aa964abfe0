"""A moment from which durations count, whatever is done to the clock meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vgpipe.hardware.host import boot_id


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment; may be handed to another process, also on another machine.

    Attributes:
        wall_s: what the clock showed, UNIX seconds.
        awake_s: seconds that this machine had been running without being suspended.
        total_s: seconds since it was started, those in which it was suspended included; None where the system does not
            count these.
        boot: names this start of this machine; empty where the system has no name for it.
    """

    wall_s: float
    awake_s: float
    total_s: float | None
    boot: str

    @classmethod
    def now(cls) -> Moment:
        """Returns this moment."""
        return cls(time.time(), time.monotonic(), _since_start_s(), boot_id())

    def elapsed_s(self) -> float:
        """Returns the seconds since then in which this machine was not suspended.

        A clock that was set does not matter, unless the moment is of another machine, or from before a restart.
        """
        return time.monotonic() - self.awake_s if self._is_of_this_start() else time.time() - self.wall_s

    def on_todays_clock(self) -> float:
        """Returns what the clock would have shown then, had it been as it is set now; UNIX seconds."""
        now_s = _since_start_s()
        if self.total_s is None or now_s is None or not self._is_of_this_start():
            return self.wall_s
        return time.time() - (now_s - self.total_s)

    def _is_of_this_start(self) -> bool:
        return self.boot == boot_id()


def _since_start_s() -> float | None:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else None
