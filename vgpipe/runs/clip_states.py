"""Builds the states of a run's clips as a model makes them, and says which of them earlier runs have finished."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from vgpipe.clips import key_inputs
from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.degradation import Degradation, of_family
from vgpipe.clips.finished_files import finished_files_of
from vgpipe.clips.notes import TextNotes, notes_of_settings, notes_of_sound, texts_of_clips
from vgpipe.clips.requested import exporters_of, kinds_of
from vgpipe.config.schema import Config
from vgpipe.errors import StoreError
from vgpipe.fallback.files_gate import FilesGate, files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.fallback.loading_ladder import LoadedModel, LoadingLadder, model_facts
from vgpipe.fallback.loading_steps import LoadPlan
from vgpipe.fallback.other_model import fit_to_model
from vgpipe.job.clip import Clip
from vgpipe.models.texts.counting import read_texts
from vgpipe.runs.steps import Steps
from vgpipe.stages import overflows
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

PLACEHOLDER = "placeholder"


class ClipStates:
    """The states of a run's clips.

    Args:
        config: the whole config.
        ladder: the ways to load the config's model.
        first: the model as it is loaded first.
        store: where finished files are looked for; None: the folder that the config names.
        steps: says how far each clip is made; None: as the config says.

    Attributes:
        finished: the files of finished clips.
        steps: says how far each clip is made.
    """

    def __init__(
        self,
        config: Config,
        ladder: LoadingLadder,
        first: LoadedModel,
        store: Store | None = None,
        steps: Steps | None = None,
    ):
        self.finished = finished_files_of(config, store)
        self.steps = steps or Steps(config.draft)
        self._notes = notes_of(self.finished.store)
        self._config, self._ladder, self._first = config, ladder, first
        self._kinds = kinds_of(config)
        self._known_keys: dict[tuple[Clip, int | None], Sequence[ClipKeys]] = {}

    def keys(self, model: LoadedModel) -> ArtifactKeys:
        """Returns what computes the store keys of a model's artifacts."""
        return ArtifactKeys(model.keys, exporters_of(self._config))

    def left(self, clips: Sequence[Clip]) -> list[ClipState]:
        """Returns the states of the clips that are not in the store yet, with what earlier runs learnt of them.

        Args:
            clips: in job order.
        """
        keys = self.keys(self._first)
        gate = files_gate_of(self._config, keys, self.finished.store)
        history = FallbackHistory(self._notes, keys, self._config, gate)
        to_make = [_clip_for(clip, self._first.plan) for clip in clips]
        self._known_keys = {}
        found = []
        for clip in to_make:
            draft = self._draft_of(clip, keys)
            if draft is not None and gate.scoring is not None:
                gate.scoring.open()
            own = self._known_keys[clip, draft] = keys.of_clip(clip, draft=draft)
            if not gate.takes_clip(clip, own, self.finished, draft):
                notes = _notes_of(clip, self._first, self._kinds)
                found.append(keys.new_state(clip, keys=own, notes=notes, draft=draft))
        return [state for state in found if not history.reuse(state, self.finished)]

    def take_rounds(self, clips: Sequence[Clip]) -> None:
        """Takes the rounds of contests from the store whose previews and scores it has.

        Args:
            clips: of the run, in job order.
        """
        competing = [clip for clip in clips if clip.contest is not None]
        keys = self.keys(self._first)
        gate = files_gate_of(self._config, keys, self.finished.store)
        while competing and self.steps.rounds.advance([self._as_stored(clip, keys, gate) for clip in competing]):
            pass  # the previews of the next round may be there too

    def _as_stored(self, clip: Clip, keys: ArtifactKeys, gate: FilesGate) -> ClipState:
        """Returns a clip that competes, made and judged where the store has it so."""
        state = self.new(clip, self._first, keys)
        files = self.finished.found(state.keys)
        if files is None or not gate.passes(state, files) or not gate.takes(state, files):
            return state
        prompts = [segment.clip.prompt for segment in state.segments]
        if gate.scoring is not None:
            verdicts = gate.judge.clip(prompts, files, is_canary=state.has_few_steps, is_heard=clip.audio is None)
            state.note_score(gate.scoring.of(state, verdicts))
        state.finish_from_store(is_reused=True)
        return state

    def _draft_of(self, clip: Clip, keys: ArtifactKeys) -> int | None:
        """Returns the steps after which a clip stops; None also where no step is left to its end."""
        draft = self.steps.steps_of(clip)
        if draft is None or clip.contest is not None:  # what competes is compared by previews alone
            return draft
        whole = keys.new_state(clip)
        store = self.finished.store
        if self.is_finished(whole) or all(store.find(one.keys.latents) is not None for one in whole.segments):
            return None
        history = FallbackHistory(self._notes, keys, self._config)
        return None if history.reuse(whole, self.finished) else draft

    def new(self, requested: Clip, model: LoadedModel, keys: ArtifactKeys) -> ClipState:
        """Returns the state of a clip that is still to be made.

        Args:
            requested: as the job has it.
            model: makes it.
            keys: of the model.
        """
        clip = _clip_for(requested, model.plan)
        draft = self._draft_of(clip, keys)
        known = self._known_keys.get((clip, draft)) if model is self._first else None
        lost, notes = degradations_of(model), _notes_of(clip, model, self._kinds)
        state = keys.new_state(clip, requested=requested, degradations=lost, notes=notes, keys=known, draft=draft)
        self.steps.rounds.mark(state)
        return state

    def asked(self, clips: Sequence[Clip]) -> list[ClipState]:
        """Returns the states of clips that nothing is known of yet, with the keys of what the user asked for.

        Args:
            clips: in job order.
        """
        keys = self.keys(self._first)
        return [self.new(clip, self._first, keys) for clip in clips]

    def inputs(self, states: Sequence[ClipState]) -> dict[str, Any]:
        """Returns what the keys of clips are made of, as inputs.json holds it: `why` says by it which input changed.

        Args:
            states: as `asked` returned them.
        """
        clips = {state.id: [segment.keys for segment in state.segments] for state in states}
        return key_inputs.document(clips, self._first.keys.family, model_facts(self._first))

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

    def is_finished(self, state: ClipState) -> bool:
        """Says whether the store has every file of a clip."""
        return self.finished.has(state.keys)

    def as_found(self, states: Sequence[ClipState]) -> list[ClipState]:
        """Returns the states that a run would begin with: as earlier runs made the clips that did not go as asked.

        Args:
            states: as `asked` returned them.
        """
        found = self.avoiding_overflow(list(states))
        history = FallbackHistory(self._notes, self.keys(self._first), self._config)
        for state in found:
            if not self.is_finished(state):
                history.reuse(state, self.finished)
        return found

    def avoiding_overflow(self, states: list[ClipState]) -> list[ClipState]:
        """Takes clips that overflowed before from where they were then finished, rather than overflow again.

        Args:
            states: as `asked` returned them.
        """
        store = self.finished.store
        wanting = [state for state in states if not self.is_finished(state)]
        overflowed = {
            state.id for state in wanting if any(overflows.is_known(store, one.keys) for one in state.segments)
        }
        if not overflowed:
            return states
        found = {state.id: state for state in states}
        for model in self._ladder.more_precise():
            keys = self.keys(model)
            for state in [found[name] for name in overflowed]:
                again = keys.new_state(state.clip, degradations=degradations_of(model), draft=state.draft)
                if self.is_finished(again):
                    found[state.id] = again
                    overflowed.discard(state.id)
        return list(found.values())


def degradations_of(model: LoadedModel) -> tuple[Degradation, ...]:
    """Returns what a clip loses by being made with a model that is loaded in another way than asked for."""
    return (*model.plan.degradations, *of_family(model.keys.family))


def texts_of(states: Sequence[ClipState], model: LoadedModel) -> TextNotes:
    """Counts the tokens of clips' texts, and notes those of which a model does not read all."""
    family = model.keys.family
    known = read_texts(family, texts_of_clips(state.requested for state in states)) if states else {}
    texts = TextNotes(family, known)
    for state in states:
        texts.note(state)
    return texts


def _notes_of(clip: Clip, model: LoadedModel, kinds: Sequence[str]) -> tuple[str, ...]:
    of_settings = notes_of_settings(clip, model.keys.family, model.plan.config.reference.negative_prompt)
    return (*of_settings, *notes_of_sound(clip, kinds, makes_sound=model.keys.makes_sound))


def _clip_for(requested: Clip, plan: LoadPlan) -> Clip:
    """Returns a clip as a model makes it: another model than the one asked for needs another shape."""
    if not plan.is_other_model:
        return requested
    return fit_to_model(requested, plan.config, PLACEHOLDER if plan.is_placeholder else plan.config.name)
