"""Follows how far a run is, from attempt to attempt, and how many clips will be done by its deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import accumulate

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.cancel_token import CancelToken, Deadline
from vgpipe.executor.progress_state import ProgressListener, ProgressState
from vgpipe.job.segments import work_of
from vgpipe.plans.done_by import DoneBy

log = logging.getLogger(__name__)

PAUSED = "paused"
EVERY_S = 2.0
"""How often the forecast is made again."""
SETTLED_S = 30.0
"""How long the time left must have been known, unless a clip has been done since."""
MARGIN = 0.1
"""Part by which the time left may be wrong, up or down."""


class RunWatch:
    """Hands on how far a run is, and tells when the forecast for its deadline changes; a `ProgressListener`.

    Each attempt counts what it has to do from 0 on. Here the share of the work that is done continues where a pause has
    left it.

    Args:
        on_progress: is given each state; None where nobody asks.
        stop: knows the deadline.
        event: appends to the events of the run.
        planned: what the plan foresees; None without a deadline, or where it says nothing.
    """

    def __init__(
        self,
        on_progress: ProgressListener | None,
        stop: CancelToken,
        event: Callable[..., None],
        planned: DoneBy | None = None,
    ):
        self._on_progress, self._stop, self._event = on_progress, stop, event
        self._before = self._now = 0.0
        self._states: Sequence[ClipState] = ()
        self._known: DoneBy | None = None
        self._planned = planned
        self._made_s = self._since_s = float("-inf")
        self._done_before, self._work, self._ahead = 0, 0.0, 0.0

    def begin(self, states: Sequence[ClipState], ahead: float = 0.0) -> None:
        """Notes the clips of an attempt.

        Args:
            states: all clips of the run, in the order in which they are made.
            ahead: work of the rounds that follow this attempt, where clips compete, in the unit of `work_of`.
        """
        works = [work_of(state.clip, state.draft) for state in states]
        if 0 < len(self._states) < len(states):  # clips were added: there is more to do than was thought
            done = sum(work for work, state in zip(works, states, strict=True) if state.is_made)
            self._before = done / sum(works)
        self._states, self._since_s = states, float("-inf")
        self._done_before = sum(state.is_made for state in states)
        self._work = sum(work for work, state in zip(works, states, strict=True) if not state.is_made)
        if self._ahead:  # a round is over
            self._before = self._now
        self._ahead = ahead

    def __call__(self, state: ProgressState) -> None:
        """Takes the newest state of an attempt."""
        share = self._work / (self._work + self._ahead) if self._ahead else 1.0
        self._now = self._before + (1 - self._before) * share * state.fraction
        state = self._with_rounds_ahead(state)
        if self._planned is not None:
            self._tell(self._planned)
            self._planned = None
        self._look(state)
        self._hand_on(replace(state, fraction=self._now))

    def _with_rounds_ahead(self, state: ProgressState) -> ProgressState:
        """Returns how far an attempt is, with the time that the rounds after it will take."""
        left = (1 - state.fraction) * self._work
        if not self._ahead or state.eta_s is None or left <= 0:
            return state if not self._ahead else replace(state, eta_s=None)
        return replace(state, eta_s=state.eta_s * (left + self._ahead) / left)

    def paused(self, *, clips: int, done: int) -> None:
        """Notes that the run is paused.

        Args:
            clips: all clips of the run.
            done: those that are done.
        """
        self._before = self._now
        self._hand_on(
            ProgressState(clips_done=done, clips=clips, pieces_done=0, pieces=0, fraction=self._now, stage=PAUSED)
        )

    def _hand_on(self, state: ProgressState) -> None:
        if self._on_progress is not None:
            self._on_progress(state)

    def _look(self, state: ProgressState) -> None:
        now_s = time.monotonic()
        if state.eta_s is None or now_s - self._made_s < EVERY_S or (deadline := self._stop.deadline()) is None:
            return
        self._made_s = now_s
        if self._since_s < 0:
            self._since_s = now_s
        if state.clips_done <= self._done_before and now_s - self._since_s < SETTLED_S:
            return
        found = self._forecast(state, state.eta_s, deadline)
        if self._known is None or _differs(self._known, found):
            self._tell(found)

    def _forecast(self, state: ProgressState, eta_s: float, deadline: Deadline) -> DoneBy:
        left = [work_of(one.clip, one.draft) for one in self._states if not one.is_made and one.error is None]
        done, rest = sum(one.is_made for one in self._states), (1 - state.fraction) * self._work
        begun = max(0.0, sum(left) - rest)  # what is done of those that come first
        shares = (deadline.left_s / max(eta_s * by, 1e-9) for by in (1 - MARGIN, 1.0, 1 + MARGIN))
        most, middle, least = (done + _within(left, begun + share * min(rest, sum(left))) for share in shares)
        failed = sum(one.error is not None and not one.is_made for one in self._states)  # no deadline misses them
        return DoneBy(at=deadline.at, will_be_done=middle, least=least, most=most, of=len(self._states) - failed)

    def _tell(self, found: DoneBy) -> None:
        self._known = found
        self._event("deadline", **asdict(found))
        if found is self._planned:  # the first lines of the log have it
            return
        if found.most < found.of:
            log.warning(
                "%s: will miss %s", found, f"about {found.misses}" if found.least < found.most else found.misses
            )
        else:
            log.info("%s", found)


def _within(left: Sequence[float], room: float) -> int:
    """Returns how many clips, in their order, are done once so much more work is."""
    ends = accumulate(left)
    return sum(end <= room * (1 + 1e-9) for end in ends)


def _differs(known: DoneBy, found: DoneBy) -> bool:
    """Says whether a forecast is notably another one: the last one is out of its range, or all and not all changed."""
    if (known.misses == 0) != (found.misses == 0):
        return found.most < found.of if known.misses == 0 else found.least == found.of
    return not found.least <= known.will_be_done <= found.most
