"""What a run does around its attempts: gives each its inputs, waits while it is paused, writes what was found out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.clips.clip_record import PastRecord
from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.executor.attempt_stop import AttemptStop
from vgpipe.executor.base import Executor, ExecutorClass, ExecutorInputs
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.run_records import RunRecords
from vgpipe.runs import run_record
from vgpipe.runs.attempt_loop import Way
from vgpipe.runs.clip_notes import log_notes
from vgpipe.runs.clip_states import ClipStates, degradations_of
from vgpipe.runs.pausing import free_memory
from vgpipe.runs.pausing import wait as wait_for_end
from vgpipe.runs.run_watch import RunWatch
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:  # a run that has nothing to make needs no plan
    from vgpipe.plans.run_plan import RunPlan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Making:
    """The making of a run's clips.

    Attributes:
        config: the whole config.
        executor_class: makes the clips of an attempt.
        clips: builds their states.
        run_dir: locked; gets the files.
        records: of the run, in its directory.
        cancel: says when to stop the run early.
        stop: says when to stop an attempt.
        pause: asks for a pause.
        watch: follows how far the run is.
        previous: clip id -> what an earlier attempt at this run recorded of it.
        kept: what runs of this process leave loaded for each other; None where every run loads its own.
    """

    config: Config
    executor_class: ExecutorClass
    clips: ClipStates
    run_dir: RunDir
    records: RunRecords
    cancel: CancelToken
    stop: AttemptStop
    pause: PauseFile
    watch: RunWatch
    previous: Mapping[str, PastRecord]
    kept: KeptModels | None

    def begin(self, asked: list[ClipState], way: Way) -> list[ClipState]:
        """Writes what the clips are made of, and returns the states to begin with.

        Args:
            asked: the clips with the keys of what the user asked for.
            way: in which they are made first.
        """
        self.clips.keep_inputs(self.run_dir, asked)
        states = self.clips.avoiding_overflow(asked)
        for state in states:
            way.texts.note(state)
        log_notes(states)
        return states

    def executor(self, way: Way, states: Sequence[ClipState]) -> Executor:
        """Returns what makes clips in a way, given all of them."""
        ahead = self.clips.steps.rounds.work_ahead(states)
        self.watch.begin(self._in_order(states, way) if self.cancel.deadline() is not None else states, ahead)
        for degradation in degradations_of(way.model):
            log.warning("degraded: %s", degradation)
        return self.executor_class(
            ExecutorInputs(
                config=self.config,
                model=way.model,
                keys=way.keys,
                run_dir=self.run_dir,
                records=self.records,
                stop=self.stop,
                previous=self.previous,
                finished=self.clips.finished,
                texts=way.texts,
                plan=way.plan,
                kept=self.kept,
                on_progress=self.watch,
            )
        )

    def wait(self, states: Sequence[ClipState]) -> None:
        """Waits for the end of a pause, with nothing loaded."""
        free_memory(self.kept)
        self.watch.paused(clips=len(states), done=sum(state.is_made for state in states))
        wait_for_end(self.run_dir.root, self.pause, self.cancel, self.records)

    def add(self, states: Sequence[ClipState], added: Sequence[ClipState]) -> None:
        """Writes that clips were added to the run's job.

        Args:
            states: the clips before.
            added: the new ones.
        """
        names = [state.id for state in added]
        run_record.add(self.run_dir, names)
        self.records.event("clips_added", clips=names)
        self.clips.keep_inputs(self.run_dir, self.clips.asked([state.requested for state in (*states, *added)]))

    def end(self, states: Sequence[ClipState], plan: RunPlan | None) -> None:
        """Writes how the run ended, and keeps the store to its limit.

        Args:
            states: all clips.
            plan: what was planned at first; None without one.
        """
        if self.config.store.max_gb is not None:
            from vgpipe.runs.store_limit import keep_to_limit

            keep_to_limit(self.clips.finished.store.root, self.config.store.max_gb, self.run_dir.root, self.records)
        self.records.end(states, self.cancel.reason)
        if plan is not None:
            from vgpipe.plans.plan_file import write_measured
            from vgpipe.plans.worker_devices import is_elsewhere

            if not is_elsewhere(self.config):  # what other machines took says nothing of this one
                write_measured(self.run_dir, plan, states)

    def _in_order(self, states: Sequence[ClipState], way: Way) -> Sequence[ClipState]:
        from vgpipe.plans.order import in_order

        return in_order(states, self.config, way.plan)
