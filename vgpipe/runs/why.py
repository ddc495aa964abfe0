"""What a run would do about each clip of a job, and which input changed since the clip was last rendered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vgpipe.clips.clip_record import past_record
from vgpipe.clips.clip_state import ClipState, SegmentState, Status
from vgpipe.clips.key_inputs import ClipInputs, read_document
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.job.segment import steps_of_pass
from vgpipe.provenance.change_words import Change
from vgpipe.provenance.input_changes import input_changes
from vgpipe.provenance.recipe import LIBRARIES
from vgpipe.report.values import text_of
from vgpipe.runs.attempts import Attempts
from vgpipe.runs.past_runs import PastClip
from vgpipe.stages.checkpoints import steps_of
from vgpipe.stages.denoised import needs_decoding_at_most
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key
from vgpipe.typed import shown_path
from vgpipe.vocabulary import DECODE, STAGES

MAX_ERROR = 200
IN_NO_RUN = "no earlier run has this clip"
GONE = "no longer in the store"


class Work(StrEnum):
    """What a run does about a clip."""

    NOTHING = "in the store: nothing to do"
    EXPORT = "export again"
    DECODE = "decode and export again"
    CONTINUE = "continued"
    AGAIN = "rendered again"
    FIRST = "rendered"
    """No earlier run has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What happens to one clip, and why.

    Attributes:
        clip: its id.
        work: what a run does about it.
        where: which part of it, such as the step at which it is continued; "" for all of it.
        reasons: why, a phrase each: the inputs that changed, or what else is the cause.
        was: the id that it had in the run which it is compared with; None where there is none.
        run: the directory of that run.
    """

    clip: str
    work: Work
    where: str = ""
    reasons: tuple[str, ...] = ()
    was: str | None = None
    run: Path | None = None

    def __str__(self) -> str:
        """Returns the answer in one line, `rendered again: seed 7 -> 8`."""
        what = f"{self.work} {self.where}".rstrip()
        if self.work is Work.NOTHING:
            return f"{what} ({'; '.join(self.reasons)})" if self.reasons else what
        return f"{what}: {'; '.join(self.reasons)}"


def answers(config: Config, clips: Sequence[Clip], past: Mapping[str, PastClip]) -> list[Answer]:
    """Returns what a run would do about each clip; loads no weights and reads no file of an artifact.

    Args:
        config: the whole config.
        clips: of the job, in order.
        past: clip id -> the clip as an earlier run has it; clips that none has are left out.

    Raises:
        ModelError: where no model that `run.degrade` allows can be opened.
    """
    store = _Glances(Path(config.store.dir))
    states = Attempts(config, store).states
    states.steps.rounds.remember(clips, {clip: past_record(one.record) for clip, one in past.items()})
    states.take_rounds(clips)
    asked = states.asked(clips)
    inputs = read_document(json.loads(json.dumps(states.inputs(asked))))
    found = {state.id: state for state in states.as_found(asked)}
    return [
        _answer(clip, found[clip.id], states.is_finished(found[clip.id]), store, inputs[clip.id], past.get(clip.id))
        for clip in clips
    ]


class _Glances(Store):
    """A store whose artifacts are looked at by their records alone."""

    def find(self, key: Key) -> Artifact | None:
        """Returns the artifact of `key` as its record describes it, or None."""
        return self.glance(key)


def _answer(
    clip: Clip, state: ClipState, is_finished: bool, store: Store, inputs: ClipInputs, past: PastClip | None
) -> Answer:
    changes = input_changes(past.inputs, inputs, _files(clip)) if past is not None else ()
    was, run = (str(past.record.get("clip")), past.run) if past is not None else (None, None)
    if is_finished:
        drafted = [] if state.draft is None else [f"a {_draft(state)}: `continue` finishes it"]
        return Answer(clip.id, Work.NOTHING, "", (*drafted, *_why_nothing(changes, inputs, past)), was, run)
    work, where = _left(state, store)
    if past is None:
        work = Work.FIRST if work is Work.AGAIN else work
        return Answer(clip.id, work, where, (IN_NO_RUN,))
    return Answer(clip.id, work, where, _reasons(work, changes, past), was, run)


def _files(clip: Clip) -> dict[str, str]:
    return {one.setting: shown_path(Path(one.path)) for one in clip.given_files}


def _why_nothing(changes: Sequence[Change], inputs: ClipInputs, past: PastClip | None) -> list[str]:
    """Returns what is worth knowing of a clip that is there: changes that another run has made already, versions."""
    if changes:
        return [*(change.text for change in changes), "another run has made it so"]
    before = past.inputs.versions if past is not None else {}
    pairs = [(name, before.get(name), inputs.versions.get(name)) for name in LIBRARIES]
    other = [f"{name} {old} then, {new} now" for name, old, new in pairs if old and new and old != new]
    return [*other, "versions of libraries are in no key: verify says whether the bits are the same"] if other else []


def _left(state: ClipState, store: Store) -> tuple[Work, str]:
    """Returns what is left to do for a clip, and from where on, by what the store has."""
    for segment in state.segments:
        if not needs_decoding_at_most(store, segment.keys):
            return _denoising(state, segment, store)
        if store.find(segment.keys.frames) is not None:
            continue
        return Work.DECODE, _segment(segment) if state.is_long else ""
    return Work.EXPORT, ""


def _denoising(state: ClipState, segment: SegmentState, store: Store) -> tuple[Work, str]:
    done, steps = steps_of(store, segment.keys.latents), state.draft or steps_of_pass(segment.segment)
    where = _segment(segment) if state.is_long and segment is not state.segments[0] else ""
    if 0 < done < steps:
        return Work.CONTINUE, f"{where} at step {done} of {steps}".strip()
    return Work.AGAIN, where


def _draft(state: ClipState) -> str:
    return f"draft, step {state.draft} of {state.clip.num_inference_steps}"


def _segment(segment: SegmentState) -> str:
    return f"from segment {segment.segment.index + 1} of {len(segment.parent.segments)}"


def _reasons(work: Work, changes: Sequence[Change], past: PastClip) -> tuple[str, ...]:
    """Returns why a clip is not finished; with changes, also where they alone would have left less to do."""
    texts = tuple(change.text for change in changes)
    if texts:
        first = min((change.stage for change in changes), key=_position)
        lost = work in (Work.AGAIN, Work.FIRST) and _position(first) >= STAGES.index(DECODE)
        return (*texts, f"its latents are {GONE}") if lost else texts
    match past.record.get("state"):
        case Status.FAILED.value:
            return (f"it failed: {(text_of(past.record.get('error')) or 'for an unknown reason')[:MAX_ERROR]}",)
        case Status.DRAFTED.value if work is Work.CONTINUE:
            return ("that run has its draft",)
        case Status.DRAFTED.value:
            return (f"what its draft was made from is {GONE}",)
        case Status.DONE.value:
            return (f"its files are {GONE}" if work is not Work.EXPORT else f"its file is {GONE}",)
    return ("the run ended before it was done",)


def _position(stage: str) -> int:
    return STAGES.index(stage)
