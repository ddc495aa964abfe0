"""How a clip goes on beyond what the model can make at once: the method, and the lengths that it works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from vgpipe.job.clip import Continuation
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.precedence import InForce, Level, strongest
from vgpipe.job.rules import ShapeRules, next_on_step
from vgpipe.job.segments import between_cuts, shots_without_window
from vgpipe.job.settings import AUTO, ContinuationMethod

FRAMES: ContinuationMethod = "frames"
WINDOW: ContinuationMethod = "window"
MIN_LATER_STEPS = 15
"""A segment that goes on from another has half the steps of the first, but not fewer than these, nor more than it."""
LONG_MODELS = "a model that can: model=wan22_ti2v_5b, model=wan21_t2v_1_3b, model=cogvideox_5b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is in force for the long clips of an entry.

    Attributes:
        method: as typed; None where nobody did.
        segment_num_frames: likewise.
        later_steps: likewise, denoising steps of segments that go on from another.
        match_color: whether their colours are matched.
        num_inference_steps: of the first segment.
        reference: frames that the model's authors recommend.
        model: name of the option of `conf/model`.
    """

    method: InForce | None
    segment_num_frames: InForce | None
    later_steps: InForce | None
    match_color: bool
    num_inference_steps: int
    reference: int
    model: str

    @classmethod
    def of(cls, levels: Sequence[Level], *, num_inference_steps: int, reference: int, model: str) -> Wanted:
        """Finds what is in force, the strongest level first."""
        method = strongest(levels, "continuation")
        match = strongest(levels, "match_color")
        return cls(
            method=None if method is None or method.value == AUTO else method,
            segment_num_frames=strongest(levels, "segment_num_frames"),
            later_steps=strongest(levels, "segment_num_inference_steps"),
            match_color=match is None or bool(match.value),
            num_inference_steps=num_inference_steps,
            reference=reference,
            model=model,
        )

    @property
    def is_typed(self) -> bool:
        """Whether the user chose a way to go on, which then also holds for what could be made at once."""
        return self.method is not None or self.segment_num_frames is not None

    @property
    def steps_of_later(self) -> int:
        """Denoising steps of a segment that goes on from another."""
        if self.later_steps is not None:
            return int(str(self.later_steps.value))
        return min(self.num_inference_steps, max(MIN_LATER_STEPS, self.num_inference_steps // 2))


@dataclass(frozen=True, slots=True)
class Found:
    """How an entry's clips go on; None where they are made at once, or a fault was noted."""

    continuation: Continuation | None = None
    is_faulty: bool = False


FAULTY = Found(is_faulty=True)


def continuation_of(entry: Entry, wanted: Wanted, shots: Sequence[int], rules: ShapeRules, faults: Faults) -> Found:
    """Finds how an entry's clips go on.

    Args:
        entry: the entry.
        wanted: what is in force.
        shots: frames of each shot.
        rules: what the model can make.
        faults: where faults are noted.
    """
    if wanted.is_typed and not _can_be_had(wanted, rules, faults):
        return FAULTY
    segment = rules_segment(wanted, rules)
    at_once = segment if wanted.is_typed else rules.largest_num_frames
    if len(shots) == 1 and sum(shots) <= at_once:
        return Found()
    if not rules.continuations:
        return _without(entry, wanted, shots, rules, faults)
    typed = None if wanted.method is None else cast(ContinuationMethod, wanted.method.value)
    method = typed or rules.continuations[0]
    how = _made(method, segment, wanted, rules)
    sound = _brings_something_new(how, wanted, rules, faults)
    sound = _cuts_can_be_made(entry, wanted, rules, faults) and sound
    if sound and method == WINDOW:
        sound = _every_shot_has_a_window(entry, shots, how, faults)
    return Found(how) if sound else FAULTY


def fitted(
    shots: Sequence[int], rules: ShapeRules, *, reference: int, num_inference_steps: int, match_color: bool
) -> Continuation | None:
    """Returns how a model goes on with a clip that was asked of another; None where it makes it at once, or cannot.

    Args:
        shots: frames of each shot.
        rules: what the model can make.
        reference: frames that its authors recommend.
        num_inference_steps: of the first segment.
        match_color: whether colours are matched.
    """
    if not rules.continuations or (len(shots) == 1 and sum(shots) <= rules.largest_num_frames):
        return None
    wanted = Wanted(
        method=None,
        segment_num_frames=None,
        later_steps=None,
        match_color=match_color,
        num_inference_steps=num_inference_steps,
        reference=reference,
        model="",
    )
    how = _made(rules.continuations[0], rules_segment(wanted, rules), wanted, rules)
    return how if how.overlap_num_frames < how.segment_num_frames else None


def rules_segment(wanted: Wanted, rules: ShapeRules) -> int:
    """Returns the frames of a segment: as typed, else as the model's YAML says, else its reference's."""
    if wanted.segment_num_frames is not None:
        return int(str(wanted.segment_num_frames.value))
    return rules.nearest_num_frames(rules.segment_num_frames or min(wanted.reference, rules.largest_num_frames))


def _can_be_had(wanted: Wanted, rules: ShapeRules, faults: Faults) -> bool:
    """Notes what was typed and the model does not have, also where no clip is long enough to need it."""
    typed = {"continuation": wanted.method, "segment_num_frames": wanted.segment_num_frames}
    for name, setting in typed.items():
        if setting is None:
            continue
        if not rules.continuations:
            what = f"{name} is {setting.value}; the model {wanted.model} cannot go on with a clip"
            setting.level.note(name, what, LONG_MODELS, faults)
            return False
        if name == "continuation" and setting.value not in rules.continuations:
            what = f"continuation is {setting.value}; the model {wanted.model} goes on by: "
            what += ", ".join(rules.continuations)
            setting.level.note(name, what, f"continuation: {rules.continuations[0]}", faults)
            return False
        if name == "segment_num_frames" and not rules.allows_num_frames(int(str(setting.value))):
            what = f"segment_num_frames is {setting.value}; the model makes {rules.describe_num_frames()}"
            remedy = f"the nearest is segment_num_frames: {rules.nearest_num_frames(int(str(setting.value)))}"
            setting.level.note(name, what, remedy, faults)
            return False
    return True


def _made(method: ContinuationMethod, segment: int, wanted: Wanted, rules: ShapeRules) -> Continuation:
    overlap = rules.image_overlap_num_frames
    if method == FRAMES:
        overlap = rules.overlap_num_frames
    if method == WINDOW:
        most = segment - rules.smallest_num_frames
        asked = min(rules.window_overlap_num_frames or segment // 2, most)
        overlap = max(rules.frames_step, asked // rules.frames_step * rules.frames_step)
    return Continuation(
        method=method,
        segment_num_frames=segment,
        min_segment_num_frames=min(segment, rules.min_segment_num_frames or -(-segment // 2)),
        overlap_num_frames=overlap,
        frames_step=rules.frames_step,
        frames_offset=rules.frames_offset,
        num_inference_steps=wanted.steps_of_later,
        match_color=wanted.match_color,
    )


def _brings_something_new(how: Continuation, wanted: Wanted, rules: ShapeRules, faults: Faults) -> bool:
    if how.overlap_num_frames < how.segment_num_frames:
        return True
    least = next_on_step(how.overlap_num_frames + 1, step=rules.frames_step, offset=rules.frames_offset)
    what = f"a segment of {how.segment_num_frames} frames shares {how.overlap_num_frames} with the one before"
    remedy = f"segment_num_frames: {least} or more"
    if wanted.segment_num_frames is not None:
        wanted.segment_num_frames.level.note("segment_num_frames", what, remedy, faults)
    else:
        faults.add_at("model.rules.segment_num_frames", what, remedy)
    return False


def _without(entry: Entry, wanted: Wanted, shots: Sequence[int], rules: ShapeRules, faults: Faults) -> Found:
    """Notes that shots cannot be had of a model that makes clips at once only; a plain length is noted elsewhere."""
    if len(shots) < 2:
        return Found()
    what = f"{len(shots)} shots; the model {wanted.model} makes clips of one prompt, {rules.describe_num_frames()}"
    faults.add(entry.line, what, LONG_MODELS)
    return FAULTY


def _cuts_can_be_made(entry: Entry, wanted: Wanted, rules: ShapeRules, faults: Faults) -> bool:
    cuts = [shot for shot in entry.shots[1:] if shot.cut] if rules.image == "required" else []
    for shot in cuts:
        what = f"cut: the model {wanted.model} begins with an image, and after a cut there is none"
        faults.add(shot.line, what, "remove the cut, or make the shot a clip of its own with an image")
    return not cuts


def _every_shot_has_a_window(entry: Entry, shots: Sequence[int], how: Continuation, faults: Faults) -> bool:
    """Notes the shots that would be rendered with the prompts of their neighbours alone."""
    is_sound = True
    for first, stop in between_cuts([shot.cut for shot in entry.shots]) if entry.shots else ():
        for number in shots_without_window(shots[first:stop], how) if stop - first > 1 else ():
            index = first + number
            what = (
                f"shot {index + 1} has {shots[index]} frames, too few for a prompt of its own among windows of "
                f"{how.segment_num_frames} that share {how.overlap_num_frames}"
            )
            faults.add(entry.shots[index].line, what, "make it longer, or begin it and the next with cut: true")
            is_sound = False
    return is_sound
