"""The attempts at a run's clips, one after the other: down the loading ladder, and again after each pause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.clips.notes import TextNotes
from vgpipe.executor.attempt_stop import AttemptStop
from vgpipe.executor.base import Executor
from vgpipe.executor.run_records import RunRecords
from vgpipe.fallback.loading_ladder import LoadedModel
from vgpipe.job.clip import Clip
from vgpipe.units import counted

if TYPE_CHECKING:
    from vgpipe.plans.run_plan import RunPlan

LEFT = (Status.PENDING, Status.STOPPED)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to make clips: the model, loaded in one way, and what goes with it.

    Attributes:
        model: the model.
        keys: computes the store keys of its artifacts.
        plan: what is planned with it; None without a plan.
        texts: notes of what it does not read of texts.
    """

    model: LoadedModel
    keys: ArtifactKeys
    plan: RunPlan | None
    texts: TextNotes


class Ways(Protocol):
    """What knows the ways in which a run's model can be loaded."""

    def new_state(self, requested: Clip, way: Way) -> ClipState:
        """Returns a clip that is still to be made in a way."""

    def after(self, cause: Exception, states: Sequence[ClipState]) -> tuple[Way, list[ClipState]] | None:
        """Returns the next way after a failure, with the clips to make in it; None where there is none."""


class AttemptLoop:
    """Runs executors over the clips of a run until nothing is left to do, or the run is to stop.

    Args:
        ways: the ways to make clips.
        executor: returns what makes clips in a way, given all of them.
        stop: stops an attempt.
        records: of the run.
        wait: waits for the end of a pause.
        more: returns clips that were added meanwhile, with the way to make them; None where nobody adds any.
        further: returns the clips whose drafts are to be made further, since a round of their contest is over.
    """

    def __init__(
        self,
        ways: Ways,
        executor: Callable[[Way, Sequence[ClipState]], Executor],
        stop: AttemptStop,
        records: RunRecords,
        wait: Callable[[Sequence[ClipState]], None],
        more: Callable[[Sequence[ClipState], Way], tuple[Way, list[ClipState]] | None] | None = None,
        further: Callable[[Sequence[ClipState]], list[ClipState]] = lambda _states: [],
    ):
        self._ways, self._executor, self._stop = ways, executor, stop
        self._records, self._wait, self._more, self._further = records, wait, more, further
        self._way_of: dict[str, Way] = {}
        self._last: Way | None = None

    def make(self, states: list[ClipState], way: Way) -> list[ClipState]:
        """Makes clips.

        Args:
            states: all clips, in job order.
            way: in which they are made first.

        Returns:
            The clips with their states, in job order; one that was tried again is another object.

        Raises:
            StoreError: where the run directory cannot be written at the start.
        """
        self._way_of = {state.id: way for state in states}
        states = self._until_nothing_is_left(self._down_the_ladder(self._run(states, way)), way)
        for state in self._further(states):  # it was to stop between two rounds
            state.stop()
            self._records.settle(state)
        return states

    def _until_nothing_is_left(self, states: list[ClipState], way: Way) -> list[ClipState]:
        while True:
            if self._stop.is_paused:
                self._wait(states)
                self._stop.begin_again()
                if self._stop():
                    return states
                states = self._continued(states)
            elif self._is_over():
                return states
            elif further := self._further(states):
                states = self._next_round(states, further)
            elif self._more is None or (found := self._more(states, self._last or way)) is None:
                return states
            else:
                states = self._down_the_ladder(self._with_more(states, *found))

    def _is_over(self) -> bool:
        return self._stop() and not self._stop.is_paused

    def _run(self, states: list[ClipState], way: Way) -> list[ClipState]:
        self._last = way
        self._executor(way, states).run(states)
        return states

    def _with_more(self, states: list[ClipState], way: Way, added: list[ClipState]) -> list[ClipState]:
        self._records.next_attempt(f"rendering {counted(len(added), 'clip')} more")
        self._way_of |= {state.id: way for state in added}
        return self._run([*states, *added], way)

    def _down_the_ladder(self, states: list[ClipState]) -> list[ClipState]:
        # Also once the run is to stop: what the next attempt has in the store is taken, the rest stays pending.
        while (cause := _cause(states)) is not None:
            found = self._ways.after(cause, [state for state in states if state.needs_other_loading])
            if found is None:
                break
            way, again = found
            states = self._again(states, way, again)
        return states

    def _continued(self, states: list[ClipState]) -> list[ClipState]:
        """Makes what a pause has left, each clip in the way in which it was being made."""
        left = [state for state in states if state.status in LEFT]
        self._records.next_attempt(f"continuing with {counted(len(left), 'clip')}")
        return self._made_on(states, left)

    def _next_round(self, states: list[ClipState], further: Sequence[ClipState]) -> list[ClipState]:
        self._records.next_attempt(f"next round: {counted(len(further), 'clip')} of {_contests(further)}")
        return self._made_on(states, further)

    def _made_on(self, states: list[ClipState], left: Sequence[ClipState]) -> list[ClipState]:
        """Makes some of the clips further, each in the way in which it was made before."""
        for state in left:
            state.stop()  # those of another way wait for their turn
        for way in dict.fromkeys(self._way_of[state.id] for state in left):
            again = [self._ways.new_state(state.requested, way) for state in left if self._way_of[state.id] is way]
            states = self._again(states, way, again)
            if self._stop():
                return states
        return self._down_the_ladder(states)

    def _again(self, states: list[ClipState], way: Way, again: Sequence[ClipState]) -> list[ClipState]:
        fresh: Mapping[str, ClipState] = {state.id: state for state in again}
        self._way_of |= dict.fromkeys(fresh, way)
        return self._run([fresh.get(state.id, state) for state in states], way)


def _cause(states: Sequence[ClipState]) -> Exception | None:
    return next((state.cause for state in states if state.needs_other_loading), None)


def _contests(states: Sequence[ClipState]) -> str:
    return counted(len({state.requested.contest for state in states}), "contest")
