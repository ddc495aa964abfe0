"""Makes a run's clips; tries those that fail for want of a working model again, one step down the loading ladder."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vgpipe.clips import key_inputs
from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_record import PastRecord
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.degradation import Degradation, of_family
from vgpipe.clips.finished_files import finished_files_of
from vgpipe.clips.notes import TextNotes, notes_of_settings, texts_of_clips
from vgpipe.clips.requested import exporters_of
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, ModelError, StoreError
from vgpipe.executor.attempt_stop import AttemptStop
from vgpipe.executor.base import Executor, ExecutorInputs, executor_class
from vgpipe.executor.cancel_token import CancelToken, Deadline
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.executor.run_records import RunRecords
from vgpipe.executor.workers.early_start import host_started_early
from vgpipe.fallback.files_gate import files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.fallback.loading_ladder import LoadedModel, LoadingLadder, model_facts, pinned_model
from vgpipe.fallback.loading_steps import LoadPlan
from vgpipe.fallback.other_model import fit_to_model
from vgpipe.job.clip import Clip
from vgpipe.models.texts.counting import read_texts
from vgpipe.runs import run_record
from vgpipe.runs.attempt_loop import AttemptLoop, Way
from vgpipe.runs.clip_notes import log_notes
from vgpipe.runs.job_follower import JobFollower, looking
from vgpipe.runs.pausing import free_memory
from vgpipe.runs.pausing import wait as wait_for_end
from vgpipe.runs.run_watch import RunWatch
from vgpipe.stages import overflows
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.rundir import RunDir
from vgpipe.units import counted
from vgpipe.vocabulary import ANY

if TYPE_CHECKING:  # a run that has nothing to make needs no plan
    from vgpipe.plans.done_by import DoneBy
    from vgpipe.plans.figures import Span
    from vgpipe.plans.run_plan import RunPlan

log = logging.getLogger(__name__)

PLACEHOLDER = "placeholder"


class Attempts:
    """The attempts at a run's clips, each with the model loaded in another way.

    Args:
        config: the whole config.
        store: where finished files are looked for; None: the folder that the config names.

    Attributes:
        clips_left: how many clips are not in the store, once they have been planned.

    Raises:
        ConfigError: on construction, for an executor that does not exist.
        ModelError: on construction, where no model that `run.degrade` allows can be opened.
    """

    def __init__(self, config: Config, store: Store | None = None):
        self.clips_left = 0
        self._config = config
        self._executor_class = executor_class(config.executor.name)
        self._ladder = LoadingLadder(config)
        self._first = self._ladder.first()
        self._plan: RunPlan | None = None
        self._left: tuple[Clip, ...] = ()
        self._clips = 0
        self._known_keys: dict[Clip, Sequence[ClipKeys]] = {}
        self._finished = finished_files_of(config, store)
        self._texts = TextNotes(self._first.keys.family)

    def plan(self, clips: Sequence[Clip], kept: KeptModels | None = None) -> RunPlan | None:
        """Plans the clips that are not in the store yet; returns None where there are none, or no plan can be made.

        Args:
            clips: in job order.
            kept: what an earlier run of this process left loaded, whose memory the run will have.

        Raises:
            ConfigError: where one of them cannot fit, with the nearest that does.
            StoreError: where the store cannot be written.

        Side effects:
            Starts the host of workers, where there will probably be several on this machine.
        """
        config = self._config
        keys = self._artifact_keys(self._first)
        gate = files_gate_of(config, keys)
        history = FallbackHistory(notes_of(self._finished.store), keys, config, gate)
        to_make = [_clip_for(clip, self._first.plan) for clip in clips]
        self._known_keys = {clip: keys.of_clip(clip) for clip in to_make}
        wanting = [clip for clip in to_make if not gate.takes_clip(clip, self._known_keys[clip], self._finished)]
        states = [
            keys.new_state(clip, keys=self._known_keys[clip], notes=_notes_of(clip, self._first)) for clip in wanting
        ]
        left = [state for state in states if not history.reuse(state, self._finished)]
        self.clips_left, self._clips = len(left), len(clips)
        self._left = tuple(state.clip for state in left)
        with host_started_early(config, self._first.keys.family.checkpoint.index, len(left)):
            self._texts = _texts_of(left, self._first)
            self._plan = self._planned(self._first, left, kept)
            self._refuse(self._plan, len(left))
            if left:
                self._finished.store.require_writable()  # creates its folder, so only where nothing is refused
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

    @property
    def workers(self) -> str:
        """The workers that the plan expects, in words; empty for one."""
        crew = None if self._plan is None else self._plan.crew
        return "" if crew is None else f"{'up to ' * crew.needs_trial}{counted(len(crew.members), 'worker')}"

    @property
    def expected_s(self) -> Span | None:
        """The least and the most seconds that the plan expects of the clips; None where it knows none."""
        return None if self._plan is None else self._plan.seconds()

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
        pause, first_plan = PauseFile(run_dir.root), self._plan
        attempt_stop = AttemptStop(stop, looking(lambda: pause.is_there, follower))
        if pause.remove():
            log.info("a pause of an earlier process is over: its file is removed")
        if first_plan is not None:
            from vgpipe.plans.plan_file import write_plan

            write_plan(run_dir, first_plan)

        def executor(way: Way, states: Sequence[ClipState]) -> Executor:
            watch.begin(self._in_order(states, way) if stop.deadline() is not None else states)
            _warn_of(way.model)
            return self._executor_class(
                ExecutorInputs(
                    config=self._config,
                    model=way.model,
                    keys=way.keys,
                    run_dir=run_dir,
                    records=records,
                    stop=attempt_stop,
                    previous=previous,
                    finished=self._finished,
                    texts=way.texts,
                    plan=way.plan,
                    kept=kept,
                    on_progress=watch,
                )
            )

        def wait(states: Sequence[ClipState]) -> None:
            free_memory(kept)
            watch.paused(clips=len(states), done=sum(state.is_done for state in states))
            wait_for_end(run_dir.root, pause, stop, records)

        def more(states: Sequence[ClipState], last: Way) -> tuple[Way, list[ClipState]] | None:
            found = self._added(follower, last, kept) if follower is not None else None
            if found is not None:
                added = [state.id for state in found[1]]
                run_record.add(run_dir, added)
                records.event("clips_added", clips=added)
                self.keep_inputs(run_dir, self.asked([state.requested for state in (*states, *found[1])]))
            return found

        watch = RunWatch(on_progress, stop, records.event, self.done_by(stop.deadline()))
        way = Way(self._first, self._artifact_keys(self._first), first_plan, self._texts)
        asked = self.asked(clips)
        self.keep_inputs(run_dir, asked)
        states = self._avoiding_overflow(asked)
        for state in states:
            way.texts.note(state)
        log_notes(states)
        states = AttemptLoop(self, executor, attempt_stop, records, wait, more).make(states, way)
        if self._config.store.max_gb is not None:
            from vgpipe.runs.store_limit import keep_to_limit

            keep_to_limit(self._finished.store.root, self._config.store.max_gb, run_dir.root, records)
        records.end(states, stop.reason)
        if first_plan is not None:
            from vgpipe.plans.plan_file import write_measured
            from vgpipe.plans.worker_devices import is_elsewhere

            if not is_elsewhere(self._config):  # what other machines took says nothing of this one
                write_measured(run_dir, first_plan, states)
        return states

    def keep_inputs(self, run_dir: RunDir, states: Sequence[ClipState]) -> None:
        """Writes what the keys of clips are made of into the run's directory; logs a warning where that fails.

        Args:
            run_dir: of the run.
            states: as `asked` returned them.
        """
        try:
            run_dir.write_inputs(self.inputs(states))
        except StoreError as error:  # the clips can be made all the same
            log.warning("%s; `why` will know less of this run", error)

    def asked(self, clips: Sequence[Clip]) -> list[ClipState]:
        """Returns the states of clips that nothing is known of yet, with the keys of what the user asked for.

        Args:
            clips: in job order.
        """
        keys = self._artifact_keys(self._first)
        return [self._state_of(clip, self._first, keys) for clip in clips]

    def inputs(self, states: Sequence[ClipState]) -> dict[str, Any]:
        """Returns what the keys of clips are made of, as inputs.json holds it: `why` says by it which input changed.

        Args:
            states: as `asked` returned them.
        """
        clips = {state.id: [segment.keys for segment in state.segments] for state in states}
        return key_inputs.document(clips, self._first.keys.family, model_facts(self._first))

    def is_finished(self, state: ClipState) -> bool:
        """Says whether the store has every file of a clip."""
        return self._finished.has(state.keys)

    def as_found(self, states: Sequence[ClipState]) -> list[ClipState]:
        """Returns the states that a run would begin with: as earlier runs made the clips that did not go as asked.

        Args:
            states: as `asked` returned them.
        """
        found = self._avoiding_overflow(list(states))
        history = FallbackHistory(notes_of(self._finished.store), self._artifact_keys(self._first), self._config)
        for state in found:
            if not self._finished.has(state.keys):
                history.reuse(state, self._finished)
        return found

    def _added(self, follower: JobFollower, last: Way, kept: KeptModels | None) -> tuple[Way, list[ClipState]] | None:
        """Returns the clips that were added to the job files, with the way to make them; None where there are none."""
        clips = follower.take()
        added = [self._state_of(clip, last.model, last.keys) for clip in clips]
        left = [state for state in added if not self._finished.has(state.keys)]
        try:
            plan = self._planned(last.model, left, kept)
            self._refuse(plan, len(left))
        except (ConfigError, ModelError) as error:
            follower.refuse(clips, error)
            return None
        way = Way(last.model, last.keys, plan, _texts_of(left, last.model))
        for state in added:
            way.texts.note(state)
        log_notes(added)
        return (way, added) if added else None

    def _in_order(self, states: Sequence[ClipState], way: Way) -> Sequence[ClipState]:
        from vgpipe.plans.order import in_order

        return in_order(states, self._config, way.plan)

    def after(self, cause: Exception, states: Sequence[ClipState]) -> tuple[Way, list[ClipState]] | None:
        """Returns the next way to load the model after a failure, with the clips to make in it.

        Args:
            cause: the failure.
            states: the clips that failed so.
        """
        model = self._ladder.after(cause)
        if model is None:
            return None
        keys = self._artifact_keys(model)
        again = [self._state_of(state.requested, model, keys) for state in states]
        return Way(model, keys, self._planned(model, again), _texts_of(again, model)), again

    def new_state(self, requested: Clip, way: Way) -> ClipState:
        """Returns a clip that is still to be made in a way."""
        state = self._state_of(requested, way.model, way.keys)
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

        config, clips = replace(self._config, model=model.plan.config), [state.clip for state in states]
        held = {"held": kept.held} if kept is not None else {}
        clip_notes = [(state.id, state.notes) for state in states if state.notes]
        keys, store = self._artifact_keys(model), self._finished.store
        try:
            alone = plan_run(config, model.keys.family, clips, clip_notes=clip_notes, **held)
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

    def _artifact_keys(self, model: LoadedModel) -> ArtifactKeys:
        return ArtifactKeys(model.keys, exporters_of(self._config))

    def _state_of(self, requested: Clip, model: LoadedModel, keys: ArtifactKeys) -> ClipState:
        clip = _clip_for(requested, model.plan)
        known = self._known_keys.get(clip) if model is self._first else None
        notes = _notes_of(clip, model)
        return keys.new_state(clip, requested=requested, degradations=_degradations(model), notes=notes, keys=known)

    def _avoiding_overflow(self, states: list[ClipState]) -> list[ClipState]:
        """Takes clips that overflowed before from where they were then finished, rather than overflow again."""
        store = self._finished.store
        wanting = [state for state in states if not self._finished.has(state.keys)]
        overflowed = {
            state.id for state in wanting if any(overflows.is_known(store, one.keys) for one in state.segments)
        }
        if not overflowed:
            return states
        found = {state.id: state for state in states}
        for model in self._ladder.more_precise():
            keys = self._artifact_keys(model)
            for state in [found[name] for name in overflowed]:
                again = keys.new_state(state.clip, degradations=_degradations(model))
                if self._finished.has(again.keys):
                    found[state.id] = again
                    overflowed.discard(state.id)
        return list(found.values())


def _degradations(model: LoadedModel) -> tuple[Degradation, ...]:
    return (*model.plan.degradations, *of_family(model.keys.family))


def _warn_of(model: LoadedModel) -> None:
    for degradation in _degradations(model):
        log.warning("degraded: %s", degradation)


def _notes_of(clip: Clip, model: LoadedModel) -> tuple[str, ...]:
    return notes_of_settings(clip, model.keys.family, model.plan.config.reference.negative_prompt)


def _texts_of(states: Sequence[ClipState], model: LoadedModel) -> TextNotes:
    """Counts the tokens of clips' texts, and notes those of which a model does not read all."""
    family = model.keys.family
    known = read_texts(family, texts_of_clips(state.requested for state in states)) if states else {}
    texts = TextNotes(family, known)
    for state in states:
        texts.note(state)
    return texts


def _clip_for(requested: Clip, plan: LoadPlan) -> Clip:
    """Returns a clip as a model makes it: another model than the one asked for needs another shape."""
    if not plan.is_other_model:
        return requested
    return fit_to_model(requested, plan.config, PLACEHOLDER if plan.is_placeholder else plan.config.name)
