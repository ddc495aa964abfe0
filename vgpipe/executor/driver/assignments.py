"""Which worker has which clips: the scheduler's answers, and what each worker has been at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.driver.hand_outs import Kinds, item_of, works_of
from vgpipe.executor.driver.scheduling import Scheduler
from vgpipe.executor.driver.work_queue import Preference
from vgpipe.executor.workers.messages import Foreseen, HandOut

_NUMBERS = count(1)


@dataclass(slots=True)
class _Hands:
    """What a worker has.

    Attributes:
        clips: those that it was handed and has not ended; the exports of some may still run.
        open: those of them that the scheduler still counts as its work.
        number: of the hand-out that runs; 0 where none does.
        num_handed: its clips.
        spent_s: seconds of all pieces of that hand-out.
        at_work: the clip that it is at; None where it is at none.
    """

    clips: dict[str, ClipState] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    number: int = 0
    num_handed: int = 0
    spent_s: float = 0.0
    at_work: str | None = None


class Assignments:
    """Hands out clips, and knows which are left.

    Args:
        states: the clips to make.
        kinds: numbers their kinds.
        wave_size: clips that a worker takes together; None to size waves by the cost of loading.
        load_share: share of a wave's time that loading may cost.
        preference: which clips go first.

    Attributes:
        left: id -> clip, of those that have not ended.
        free: the workers that have no hand-out.
    """

    def __init__(
        self,
        states: Sequence[ClipState],
        kinds: Kinds,
        *,
        wave_size: int | None,
        load_share: float,
        preference: Preference = Preference.LONGEST,
    ):
        self._kinds = kinds
        works = works_of(states, kinds)
        self.left = {work.id: state for work, state in zip(works, states, strict=True)}
        self._scheduler = Scheduler(works, wave_size=wave_size, load_share=load_share, preference=preference)
        self._hands: dict[str, _Hands] = {}
        self.free: dict[str, None] = {}
        self._ahead: dict[str, str] = {}
        """Clips that go out before the scheduler's, each with the worker that is not to get it, if any."""

    @property
    def busy(self) -> list[str]:
        """The workers that a hand-out, or an export of one, keeps at work."""
        return [name for name, hands in self._hands.items() if hands.number or hands.clips]

    def expect(self, worker: str) -> None:
        """Notes that a worker is started."""
        self._scheduler.expect(worker)

    def join(self, worker: str, foreseen: Sequence[Foreseen]) -> None:
        """Notes that a worker takes clips."""
        self._hands[worker] = _Hands()
        self.free[worker] = None
        self._scheduler.join(worker, foreseen)

    def hand_outs(self, workers: Iterable[str], now_s: float) -> Mapping[str, HandOut]:
        """Returns what workers are to make now.

        Args:
            workers: those of `free` that take clips.
            now_s: the time.
        """
        found: dict[str, HandOut] = {}
        for worker in workers:
            hands = self._hands[worker]
            ahead = self._next_ahead(worker)
            chosen = [] if ahead else self._scheduler.next(worker, now_s)
            states = {clip: self.left[clip] for clip in (*ahead, *chosen)}
            if states:
                hands.clips |= states
                hands.open |= set(chosen)
                hands.number, hands.num_handed, hands.spent_s = next(_NUMBERS), len(states), 0.0
                del self.free[worker]
                found[worker] = HandOut(hands.number, tuple(item_of(state) for state in states.values()))
        return found

    def _next_ahead(self, worker: str) -> list[str]:
        """Returns a canary, or a clip that failed on another worker; on this one where there is no other."""
        found = [clip for clip, maker in self._ahead.items() if maker != worker or len(self._hands) < 2][:1]
        for clip in found:
            del self._ahead[clip]
        return found

    def add_canaries(self, canaries: Sequence[ClipState]) -> None:
        """Adds canaries, which go out before all clips, each alone."""
        for canary in canaries:
            self.left[canary.clip.id] = canary
            self._ahead[canary.clip.id] = ""

    def try_elsewhere(self, worker: str, clip: str, now_s: float) -> None:
        """Notes that a clip failed on a worker, and is to be handed to another one."""
        hands = self._hands[worker]
        hands.clips.pop(clip, None)
        if clip in hands.open:
            hands.open.discard(clip)
            self._scheduler.ended(worker, clip, now_s)
        self._ahead[clip] = worker

    def begins(self, worker: str, clip: str) -> None:
        """Notes which clip a worker is at; "" for none."""
        hands = self._hands.get(worker)
        if hands is not None:
            hands.at_work = clip if clip in hands.clips else None

    def at_work(self, worker: str) -> str | None:
        """Returns the clip that a worker is at; None where it is at none."""
        hands = self._hands.get(worker)
        return None if hands is None else hands.at_work

    def spends(self, worker: str, seconds: float) -> None:
        """Notes what a piece of a worker's hand-out took."""
        hands = self._hands.get(worker)
        if hands is not None:
            hands.spent_s += seconds

    def has(self, worker: str, clip: str) -> ClipState | None:
        """Returns a clip that a worker was handed and has not ended; None for any other."""
        hands = self._hands.get(worker)
        return None if hands is None else hands.clips.get(clip)

    def ended(self, worker: str, clip: str, now_s: float, took_s: float | None) -> None:
        """Notes that a clip has its final status.

        Args:
            worker: which made it.
            clip: which.
            now_s: the time.
            took_s: seconds of all its stages; None where they say nothing about other clips.
        """
        hands = self._hands[worker]
        hands.clips.pop(clip, None)
        if clip in hands.open:
            hands.open.discard(clip)
            self._scheduler.ended(worker, clip, now_s, took_s)
        self.left.pop(clip, None)

    def returned(self, worker: str, clip: str) -> None:
        """Notes that a clip is to be handed out again."""
        hands = self._hands[worker]
        state = hands.clips.pop(clip, None)
        if clip in hands.open:
            hands.open.discard(clip)
            self._scheduler.returned(worker, clip)
        elif state is not None:
            self._add_again([state])

    def hand_out_ended(self, worker: str, number: int, now_s: float, wave_load_s: float) -> None:
        """Notes that a worker takes clips again; the exports of its last ones may still run.

        Args:
            worker: which.
            number: of the hand-out that has ended; one of earlier assignments is ignored.
            now_s: the time.
            wave_load_s: seconds that every further wave spends on loading.
        """
        hands = self._hands.get(worker)
        if hands is None or not number or hands.number != number:
            return
        mean_s = hands.spent_s / hands.num_handed if hands.num_handed else None
        for clip in sorted(hands.open):
            self._scheduler.ended(worker, clip, now_s, mean_s)
        hands.open.clear()
        hands.number, hands.at_work = 0, None
        self.free[worker] = None
        self._scheduler.loads(worker, wave_load_s)

    def drop(self, clip: str) -> ClipState | None:
        """Takes a clip out that nobody has and that will not be made; returns it."""
        state = self.left.pop(clip, None)
        if self._ahead.pop(clip, None) is None and state is not None and not state.is_canary:
            self._scheduler.drop(clip)
        return state

    def gone(self, worker: str, *, is_started_again: bool) -> None:
        """Notes that a worker is gone; what it had goes out again, before others."""
        hands = self._hands.pop(worker, _Hands())
        self.free.pop(worker, None)
        (self._scheduler.expect if is_started_again else self._scheduler.leave)(worker)
        self._add_again([state for clip, state in hands.clips.items() if clip not in hands.open])

    def _add_again(self, states: Sequence[ClipState]) -> None:
        """Adds what the scheduler knows nothing of: canaries, and clips whose exports ran after their hand-out."""
        self.add_canaries([state for state in states if state.is_canary])
        self._scheduler.add(works_of([state for state in states if not state.is_canary], self._kinds))

    def unplaceable(self) -> list[str]:
        """Returns the clips that no worker holds, whether it is there or started."""
        return self._scheduler.unplaceable()
