"""Makes a run's clips; tries those that fail for want of a working model again, one step down the loading ladder."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from vgpipe.clips.clip_record import PastRecord
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.given_files import refuse_unreadable_files
from vgpipe.clips.notes import TextNotes
from vgpipe.clips.obstacles import refuse_what_no_family_makes
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, ModelError
from vgpipe.executor.attempt_stop import AttemptStop
from vgpipe.executor.base import executor_class
from vgpipe.executor.cancel_token import CancelToken, Deadline
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.executor.run_records import RunRecords
from vgpipe.executor.workers.early_start import host_started_early
from vgpipe.fallback.loading_ladder import LoadedModel, LoadingLadder, pinned_model
from vgpipe.job.clip import Clip
from vgpipe.runs.attempt_loop import AttemptLoop, Way
from vgpipe.runs.clip_notes import log_notes
from vgpipe.runs.clip_states import ClipStates, texts_of
from vgpipe.runs.job_follower import JobFollower, looking
from vgpipe.runs.making import Making
from vgpipe.runs.planned_steps import steps_of_states
from vgpipe.runs.run_watch import RunWatch
from vgpipe.runs.steps import Steps
from vgpipe.store.artifacts import Store
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.rundir import RunDir
from vgpipe.vocabulary import ANY

if TYPE_CHECKING:  # a run that has nothing to make needs no plan
    from vgpipe.plans.done_by import DoneBy
    from vgpipe.plans.run_plan import RunPlan

log = logging.getLogger(__name__)


class Attempts:
    """The attempts at a run's clips, each with the model loaded in another way.

    Args:
        config: the whole config.
        store: where finished files are looked for; None: the folder that the config names.
        picked: ids of the drafts that are to be continued to the end.

    Attributes:
        states: builds the states of the clips.
        clips_left: how many clips are not in the store, once they have been planned.

    Raises:
        ConfigError: on construction, for an executor that does not exist.
        ModelError: on construction, where no model that `run.degrade` allows can be opened.
    """

    def __init__(self, config: Config, store: Store | None = None, picked: Collection[str] = ()):
        self.clips_left = 0
        self._config = config
        self._executor_class = executor_class(config.executor.name)
        self._ladder = LoadingLadder(config)
        self._first = self._ladder.first()
        self.states = ClipStates(config, self._ladder, self._first, store, Steps(config.draft, picked))
        self._plan: RunPlan | None = None
        self._left: tuple[Clip, ...] = ()
        self._clips = 0
        self._texts = TextNotes(self._first.keys.family)

    def plan(
        self,
        clips: Sequence[Clip],
        kept: KeptModels | None = None,
        previous: Mapping[str, PastRecord] = MappingProxyType({}),
    ) -> RunPlan | None:
        """Plans the clips that are not in the store yet; returns None where there are none, or no plan can be made.

        Args:
            clips: in job order.
            kept: what an earlier run of this process left loaded, whose memory the run will have.
            previous: clip id -> what an earlier attempt at this run recorded of it.

        Raises:
            ConfigError: where one of them cannot fit, with the nearest that does; where the model gives no previews.
            StoreError: where the store cannot be written.

        Side effects:
            Starts the host of workers, where there will probably be several on this machine.
        """
        self.states.steps.rounds.remember(clips, previous)
        self.states.take_rounds(clips)
        left = self.states.left(clips)
        self.clips_left, self._clips = len(left), len(clips)
        self._left = tuple(state.clip for state in left)
        with host_started_early(self._config, self._first.keys.family.checkpoint.index, len(left)):
            self._texts = texts_of(left, self._first)
            drafted = any(state.draft is not None for state in left)  # those of contests, too
            refuse_what_no_family_makes(self._first.keys.family, self._left, drafted=drafted)
            refuse_unreadable_files(self._left)
            self._plan = self._planned(self._first, left, kept)
            self._refuse(self._plan, len(left))
            if left:
                self.states.finished.store.require_writable()  # creates its folder, so only where nothing is refused
        return self._plan

    def _refuse(self, plan: RunPlan | None, clips: int) -> None:
        """Refuses more workers than there are GPUs, and clips that fit none of them."""
        if not clips:
            return
        from vgpipe.plans.refusal import refuse_what_cannot_fit
        from vgpipe.plans.starting_point import refuses_what_cannot_fit
        from vgpipe.plans.worker_devices import is_elsewhere, worker_devices

        config = self._config
        if is_elsewhere(config):  # its devices are known once the workers have started
            return
        if plan is None:
            worker_devices(config, clips, None)
        elif refuses_what_cannot_fit(config.run):
            refuse_what_cannot_fit(plan, config)

    def verdict(self, now: datetime) -> str:
        """Returns the first line of the plan; empty without one.

        Args:
            now: when the run starts.
        """
        if self._plan is None:
            return ""
        from vgpipe.plans.verdict import verdict

        told, run = verdict(self._plan, now), self._config.run
        if self._plan.fits:
            return told
        return f"{told} It is tried all the same ({f'run.degrade={ANY}' if run.degrade == ANY else 'run.plan=advise'})."

    def done_by(self, deadline: Deadline | None) -> DoneBy | None:
        """Returns how many clips will be done by a deadline, by the plan; None without one, or where nobody knows."""
        if deadline is None or self._plan is None:
            return None
        from vgpipe.plans.deadline_forecast import done_by

        done = self._clips - len(self._left)
        return done_by(self._plan, self._left, self._config, at=deadline.at, left_s=deadline.left_s, done=done)

    def pinned(self) -> Config:
        """Returns the config with hub commits in place of branches, so that resuming takes the same files."""
        if self._first.plan.is_other_model:
            return self._config
        return replace(self._config, model=pinned_model(self._config.model, self._first.keys.family.checkpoint))

    def make(
        self,
        clips: Sequence[Clip],
        run_dir: RunDir,
        records: RunRecords,
        stop: CancelToken,
        previous: Mapping[str, PastRecord],
        kept: KeptModels | None = None,
        on_progress: ProgressListener | None = None,
        follower: JobFollower | None = None,
    ) -> list[ClipState]:
        """Makes the clips.

        Args:
            clips: in job order.
            run_dir: locked; gets the files.
            records: of the run, in its directory.
            stop: says when to stop early.
            previous: clip id -> what an earlier attempt at this run recorded of it.
            kept: what runs of this process leave loaded for each other; None where every run loads its own.
            on_progress: is given how far the run is.
            follower: reads the job files again; None where they are not followed.

        Returns:
            The clips with their states, in job order.

        Raises:
            StoreError: where run directory or store cannot be written; no clip was made.
        """
        pause = PauseFile(run_dir.root)
        attempt_stop = AttemptStop(stop, looking(lambda: pause.is_there, follower))
        if pause.remove():
            log.info("a pause of an earlier process is over: its file is removed")
        if (plan := self._plan) is not None:
            from vgpipe.plans.plan_file import write_plan

            write_plan(run_dir, plan)
        making = Making(
            config=self._config,
            executor_class=self._executor_class,
            clips=self.states,
            run_dir=run_dir,
            records=records,
            cancel=stop,
            stop=attempt_stop,
            pause=pause,
            watch=RunWatch(on_progress, stop, records.event, self.done_by(stop.deadline())),
            previous=previous,
            kept=kept,
        )

        def more(states: Sequence[ClipState], last: Way) -> tuple[Way, list[ClipState]] | None:
            found = self._added(follower, last, kept) if follower is not None else None
            if found is not None:
                making.add(states, found[1])
            return found

        way = Way(self._first, self.states.keys(self._first), plan, self._texts)
        states = making.begin(self.states.asked(clips), way)
        further = self.states.steps.rounds.advance
        loop = AttemptLoop(self, making.executor, attempt_stop, records, making.wait, more, further)
        states = loop.make(states, way)
        making.end(states, plan)
        return states

    def _added(self, follower: JobFollower, last: Way, kept: KeptModels | None) -> tuple[Way, list[ClipState]] | None:
        """Returns the clips that were added to the job files, with the way to make them; None where there are none."""
        clips = follower.take()
        added = [self.states.new(clip, last.model, last.keys) for clip in clips]
        left = [state for state in added if not self.states.is_finished(state)]
        try:
            plan = self._planned(last.model, left, kept)
            self._refuse(plan, len(left))
        except (ConfigError, ModelError) as error:
            follower.refuse(clips, error)
            return None
        way = Way(last.model, last.keys, plan, texts_of(left, last.model))
        for state in added:
            way.texts.note(state)
        log_notes(added)
        return (way, added) if added else None

    def after(self, cause: Exception, states: Sequence[ClipState]) -> tuple[Way, list[ClipState]] | None:
        """Returns the next way to load the model after a failure, with the clips to make in it.

        Args:
            cause: the failure.
            states: the clips that failed so.
        """
        model = self._ladder.after(cause)
        if model is None:
            return None
        keys = self.states.keys(model)
        again = [self.states.new(state.requested, model, keys) for state in states]
        return Way(model, keys, self._planned(model, again), texts_of(again, model)), again

    def new_state(self, requested: Clip, way: Way) -> ClipState:
        """Returns a clip that is still to be made in a way."""
        state = self.states.new(requested, way.model, way.keys)
        way.texts.note(state)
        return state

    def _planned(
        self, model: LoadedModel, states: Sequence[ClipState], kept: KeptModels | None = None
    ) -> RunPlan | None:
        if not states or self._config.run.plan == "off":
            return None
        from vgpipe.executor.thread_trial import known_thread_seconds
        from vgpipe.plans.disk_room import shortage
        from vgpipe.plans.planning import plan_run, plan_workers
        from vgpipe.plans.profiles import PlanError
        from vgpipe.plans.target import NOTHING_HELD

        config, clips = replace(self._config, model=model.plan.config), [state.clip for state in states]
        held = kept.held if kept is not None else NOTHING_HELD
        clip_notes = [(state.id, state.notes) for state in states if state.notes]
        keys, store = self.states.keys(model), self.states.finished.store
        has_drafts = config.draft is not None or any(state.draft is not None for state in states)
        expected = self.states.steps.rounds.expected([state.requested for state in states])
        steps_of = steps_of_states(states, store, counts_done=has_drafts, expected=expected)
        try:
            alone = plan_run(config, model.keys.family, clips, held, clip_notes, steps_of)
            for note in shortage(alone, store.root):
                log.warning("%s", note)
            known = partial(known_thread_seconds, config, keys, store, states)
            return plan_workers(alone, config, model.keys.family, clips, known)
        except PlanError as error:
            log.warning("no plan: %s", error)
        except ModelError as error:
            if self._config.run.degrade != ANY:  # else another model may take its place
                raise
            log.debug("no plan: %s", error)
        return None
