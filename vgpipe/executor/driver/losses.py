"""What follows when a worker dies: whether its clip is tried again, and whether its slot gets another worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_LOSSES = 3
"""Deaths in a row, each with another clip or each before the worker was ready, after which a slot is retired."""
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a death.

    Attributes:
        fails: the clip that fails for good; "" where it, if there was one, is handed out again.
        deaths: how many workers the clip that was at work has taken along.
        retires: why no worker is started in the slot again; "" where one is.
        restart_after_s: how long to wait before.
    """

    fails: str = ""
    deaths: int = 0
    retires: str = ""
    restart_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """What follows from the failure of a clip.

    Attributes:
        is_tried_again: whether the clip is to be handed out again, which it is after its first failure.
        retires: why the worker gets no more clips; "" where it does.
    """

    is_tried_again: bool
    retires: str = ""


@dataclass(slots=True)
class _Slot:
    lost: list[str] = field(default_factory=list)
    """Clips at which its workers died, since one was done."""
    unready: int = 0
    """Deaths in a row of workers that had never been ready."""
    idle: int = 0
    """Deaths in a row of workers that were ready and at no clip."""
    is_ready: bool = False


class Losses:
    """Judges deaths of workers.

    A clip that takes `max_clip_retries + 1` workers along fails alone. A slot that loses three different clips in a row
    is retired, and so is one whose workers die three times in a row at no clip. A clip that fails, maybe
    because of its worker, is tried again.

    Args:
        max_clip_retries: how often a clip is handed to another worker.
    """

    def __init__(self, max_clip_retries: int):
        self._max_clip_retries = max_clip_retries
        self._deaths: dict[str, int] = {}
        self._failed: set[str] = set()
        self._slots: dict[str, _Slot] = {}

    def ready(self, slot: str) -> None:
        """Notes that the worker of a slot takes clips."""
        at = self._slot(slot)
        at.is_ready, at.unready = True, 0

    def done(self, slot: str, clip: str) -> None:
        """Notes that the worker of a slot has made a clip."""
        at = self._slot(slot)
        at.lost.clear()
        at.idle = 0
        self._deaths.pop(clip, None)

    def failed(self, slot: str, clip: str) -> Failed:
        """Judges the failure of a clip that may be the fault of its worker's device.

        Args:
            slot: which worker.
            clip: which clip.
        """
        at = self._slot(slot)
        is_first = clip not in self._failed
        self._failed.add(clip)
        if clip not in at.lost:
            at.lost.append(clip)
        retires = f"it failed at {_list(at.lost)}" if len(at.lost) >= MAX_LOSSES else ""
        return Failed(is_tried_again=is_first, retires=retires)

    def died(self, slot: str, at_work: str | None) -> Verdict:
        """Judges the death of a slot's worker.

        Args:
            slot: which.
            at_work: the clip that it made; None where it made none. Clips that wait for their turn do not count.
        """
        at = self._slot(slot)
        was_ready, at.is_ready = at.is_ready, False
        if at_work is not None:
            return self._died_at(at, at_work)
        if was_ready:
            at.idle += 1
        else:
            at.unready += 1
        in_a_row = at.idle if was_ready else at.unready
        when = "while it had nothing to do" if was_ready else "before it was ready"
        retires = f"its worker died {MAX_LOSSES} times in a row {when}" if in_a_row >= MAX_LOSSES else ""
        return Verdict(retires=retires, restart_after_s=_delay_s(in_a_row))

    def _died_at(self, at: _Slot, clip: str) -> Verdict:
        deaths = self._deaths[clip] = self._deaths.get(clip, 0) + 1
        if clip not in at.lost:
            at.lost.append(clip)
        is_last = deaths > self._max_clip_retries
        retires = f"its worker died at {_list(at.lost)}" if len(at.lost) >= MAX_LOSSES else ""
        return Verdict(fails=clip if is_last else "", deaths=deaths, retires=retires)

    def _slot(self, name: str) -> _Slot:
        return self._slots.setdefault(name, _Slot())


def _delay_s(deaths: int) -> float:
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** (deaths - 1))


def _list(clips: Sequence[str]) -> str:
    return f"{', '.join(clips[:-1])} and {clips[-1]}, one after another"
