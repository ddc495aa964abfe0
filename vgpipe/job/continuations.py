"""How a clip goes on beyond what the model can make at once: the method, and the lengths that it works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vgpipe.job.clip import Continuation
from vgpipe.job.faults import Faults
from vgpipe.job.levels import InForce, Level, strongest
from vgpipe.job.record import Entry
from vgpipe.job.rules import ShapeRules

AUTO, FRAMES, WINDOW = "auto", "frames", "window"
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
    def steps_of_later(self) -> int:
        """Denoising steps of a segment that goes on from another."""
        if self.later_steps is not None:
            return int(str(self.later_steps.value))
        return min(self.num_inference_steps, max(MIN_LATER_STEPS, self.num_inference_steps // 2))


def continuation_of(
    entry: Entry, wanted: Wanted, shots: Sequence[int], rules: ShapeRules, faults: Faults
) -> Continuation | None:
    """Returns how an entry's clips go on; None where they are made at once, or a fault was noted.

    Args:
        entry: the entry.
        wanted: what is in force.
        shots: frames of each shot.
        rules: what the model can make.
        faults: where faults are noted.
    """
    segment = _segment(wanted, rules, faults)
    is_typed = wanted.method is not None or wanted.segment_num_frames is not None
    at_once = segment if is_typed else rules.largest_num_frames
    if len(shots) == 1 and sum(shots) <= at_once:
        return None
    if not rules.continuations:
        _note_none(entry, wanted, shots, rules, faults)
        return None
    method = str(wanted.method.value) if wanted.method is not None else rules.continuations[0]
    if wanted.method is not None and method not in rules.continuations:
        what = f"continuation is {method}; the model {wanted.model} goes on by: {', '.join(rules.continuations)}"
        wanted.method.level.note("continuation", what, f"continuation: {rules.continuations[0]}", faults)
        return None
    _check_cuts(entry, wanted, rules, faults)
    return _checked(_made(method, segment, wanted, rules), wanted, faults)


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
    return _made(rules.continuations[0], _segment(wanted, rules, Faults("")), wanted, rules)


def _segment(wanted: Wanted, rules: ShapeRules, faults: Faults) -> int:
    """Returns the frames of a segment, and notes a number that the model cannot make."""
    if wanted.segment_num_frames is None:
        return rules.nearest_num_frames(rules.segment_num_frames or min(wanted.reference, rules.largest_num_frames))
    typed = int(str(wanted.segment_num_frames.value))
    if not rules.allows_num_frames(typed):
        what = f"segment_num_frames is {typed}; the model makes {rules.describe_num_frames()}"
        remedy = f"the nearest is segment_num_frames: {rules.nearest_num_frames(typed)}"
        wanted.segment_num_frames.level.note("segment_num_frames", what, remedy, faults)
    return typed


def _made(method: str, segment: int, wanted: Wanted, rules: ShapeRules) -> Continuation:
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


def _checked(how: Continuation, wanted: Wanted, faults: Faults) -> Continuation | None:
    """Refuses segments that would bring nothing new."""
    if how.overlap_num_frames < how.segment_num_frames:
        return how
    what = f"a segment of {how.segment_num_frames} frames shares {how.overlap_num_frames} with the one before"
    remedy = f"segment_num_frames: {how.overlap_num_frames + 1} or more"
    if wanted.segment_num_frames is not None:
        wanted.segment_num_frames.level.note("segment_num_frames", what, remedy, faults)
    else:
        faults.add_at("model.rules.segment_num_frames", what, remedy)
    return None


def _note_none(entry: Entry, wanted: Wanted, shots: Sequence[int], rules: ShapeRules, faults: Faults) -> None:
    """Notes what cannot be had of a model that makes clips at once only; a plain length is noted elsewhere."""
    if len(shots) > 1:
        what = f"{len(shots)} shots; the model {wanted.model} makes clips of one prompt, {rules.describe_num_frames()}"
        faults.add(entry.line, what, LONG_MODELS)
    elif wanted.method is not None:
        what = f"continuation is {wanted.method.value}; the model {wanted.model} cannot go on with a clip"
        wanted.method.level.note("continuation", what, LONG_MODELS, faults)


def _check_cuts(entry: Entry, wanted: Wanted, rules: ShapeRules, faults: Faults) -> None:
    for shot in entry.shots[1:] if rules.image == "required" else ():
        if shot.cut:
            what = f"cut: the model {wanted.model} begins with an image, and after a cut there is none"
            faults.add(shot.line, what, "remove the cut, or make the shot a clip of its own with an image")
