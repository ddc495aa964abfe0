"""How a clip that the model cannot make at once is continued: the method, and the lengths of its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from vgpipe.job.clip import Continuation
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest
from vgpipe.job.rules import ShapeRules, next_on_step
from vgpipe.job.segment import FRAMES, NATIVE, WINDOW
from vgpipe.job.segments import between_cuts, shots_without_window
from vgpipe.job.settings import AUTO, ContinuationMethod

MIN_LATER_STEPS = 15
"""A later segment has half the steps of the first, but not fewer than these, nor more than the first."""
LONG_MODELS = "a model that can: model=wan22_ti2v_5b, model=wan21_t2v_1_3b, model=cogvideox_5b"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuationRequest:
    """The settings of long clips for one entry.

    Attributes:
        method: how to continue, as set by the user; None where the model's best method is taken.
        segment_num_frames: frames of a segment, as set by the user; None for the model's.
        later_steps: denoising steps of the segments after the first, as set by the user or the preset.
        match_color: whether their colours are matched.
        num_inference_steps: denoising steps of the first segment.
        reference: frames that the model's authors recommend.
        model: name of the option of `conf/model`.
    """

    method: ResolvedSetting | None
    segment_num_frames: ResolvedSetting | None
    later_steps: ResolvedSetting | None
    match_color: bool
    num_inference_steps: int
    reference: int
    model: str

    @classmethod
    def of(
        cls, sources: Sequence[SettingSource], *, num_inference_steps: int, reference: int, model: str
    ) -> ContinuationRequest:
        """Returns the request that the sources make, the strongest first."""
        method = strongest(sources, "continuation")
        match = strongest(sources, "match_color")
        return cls(
            method=None if method is None or method.value == AUTO else method,
            segment_num_frames=strongest(sources, "segment_num_frames"),
            later_steps=strongest(sources, "segment_num_inference_steps"),
            match_color=match is None or bool(match.value),
            num_inference_steps=num_inference_steps,
            reference=reference,
            model=model,
        )

    @property
    def is_explicit(self) -> bool:
        """Whether the user chose a method or a length, which then also holds for what could be made at once."""
        return self.method is not None or self.segment_num_frames is not None

    @property
    def later_segment_steps(self) -> int:
        """Denoising steps of the segments after the first."""
        if self.later_steps is not None:
            return int(str(self.later_steps.value))
        return min(self.num_inference_steps, max(MIN_LATER_STEPS, self.num_inference_steps // 2))


@dataclass(frozen=True, slots=True)
class ContinuationResult:
    """How an entry's clips are continued; None where they are made at once or a fault was recorded."""

    continuation: Continuation | None = None
    is_faulty: bool = False


AT_ONCE = ContinuationResult()
FAULTY = ContinuationResult(is_faulty=True)


def resolve_continuation(
    entry: Entry, request: ContinuationRequest, shots: Sequence[int], rules: ShapeRules, faults: Faults
) -> ContinuationResult:
    """Returns how an entry's clips are continued and records what the model cannot do.

    Args:
        entry: the entry.
        request: the settings of long clips.
        shots: frames of each shot.
        rules: what the model can make.
        faults: where faults are recorded.
    """
    if request.is_explicit and not _is_supported(request, rules, faults):
        return FAULTY
    segment = segment_length(request, rules)
    at_once = segment if request.is_explicit else rules.largest_num_frames
    if len(shots) == 1 and sum(shots) <= at_once:
        return AT_ONCE
    if not rules.continuations:
        return _refuse_shots(entry, request, shots, rules, faults)
    typed = None if request.method is None else cast(ContinuationMethod, request.method.value)
    method = typed or rules.continuations[0]
    how = _build_continuation(method, segment, request, rules)
    sound = _overlap_leaves_new_frames(how, request, rules, faults)
    sound = _cuts_are_possible(entry, request, rules, faults) and sound
    if sound and method == WINDOW:
        sound = _every_shot_has_a_window(entry, shots, how, faults)
    if sound and method == NATIVE and how.is_one_pass:
        sound = _has_one_prompt(entry, request, faults)
    return ContinuationResult(how) if sound else FAULTY


def fit_continuation(
    shots: Sequence[int], rules: ShapeRules, *, reference: int, num_inference_steps: int, match_color: bool
) -> Continuation | None:
    """Returns how a model continues a clip that was requested of another; None where it makes it at once, or cannot.

    Args:
        shots: frames of each shot.
        rules: what the model can make.
        reference: frames that its authors recommend.
        num_inference_steps: of the first segment.
        match_color: whether colours are matched.
    """
    if not rules.continuations or (len(shots) == 1 and sum(shots) <= rules.largest_num_frames):
        return None
    request = ContinuationRequest(
        method=None,
        segment_num_frames=None,
        later_steps=None,
        match_color=match_color,
        num_inference_steps=num_inference_steps,
        reference=reference,
        model="",
    )
    how = _build_continuation(rules.continuations[0], segment_length(request, rules), request, rules)
    return how if how.overlap_num_frames < how.segment_num_frames else None


def segment_length(request: ContinuationRequest, rules: ShapeRules) -> int:
    """Returns the frames of a segment: the user's, else the model's, else those of its reference settings."""
    if request.segment_num_frames is not None:
        return int(str(request.segment_num_frames.value))
    return rules.nearest_num_frames(rules.segment_num_frames or min(request.reference, rules.largest_num_frames))


def _is_supported(request: ContinuationRequest, rules: ShapeRules, faults: Faults) -> bool:
    """Records the settings that the model does not support, even where no clip is long enough to need them."""
    fault = _unsupported(request, rules)
    if fault is not None:
        setting, what, remedy = fault
        setting.add_fault(what, remedy, faults)
    return fault is None


def _unsupported(request: ContinuationRequest, rules: ShapeRules) -> tuple[ResolvedSetting, str, str] | None:
    method, segment = request.method, request.segment_num_frames
    for setting in (method, segment):
        if setting is not None and not rules.continuations:
            what = f"{setting.name} is {setting.value}; the model {request.model} cannot continue a clip"
            return setting, what, LONG_MODELS
    if method is not None and method.value not in rules.continuations:
        what = f"continuation is {method.value}; the model {request.model} supports: {', '.join(rules.continuations)}"
        return method, what, f"continuation: {rules.continuations[0]}"
    num_frames = 0 if segment is None else int(str(segment.value))
    if segment is not None and not rules.allows_num_frames(num_frames):
        what = f"segment_num_frames is {num_frames}; the model makes {rules.describe_num_frames()}"
        return segment, what, f"the nearest is segment_num_frames: {rules.nearest_num_frames(num_frames)}"
    has_own_sections = rules.continuations == (NATIVE,) and not rules.native_overlap_num_frames
    if segment is not None and has_own_sections and num_frames != rules.largest_num_frames:
        what = f"segment_num_frames is {num_frames}; the model's sections have {rules.largest_num_frames} frames"
        return segment, what, f"segment_num_frames: {rules.largest_num_frames}, or leave it out"
    return None


def _build_continuation(
    method: ContinuationMethod, segment: int, request: ContinuationRequest, rules: ShapeRules
) -> Continuation:
    overlap = rules.image_overlap_num_frames
    if method == FRAMES:
        overlap = rules.overlap_num_frames
    if method == NATIVE:
        overlap = rules.native_overlap_num_frames
    if method == WINDOW:
        most = segment - rules.smallest_num_frames
        asked = min(rules.window_overlap_num_frames or segment // 2, most)
        overlap = max(rules.frames_step, asked // rules.frames_step * rules.frames_step)
    is_native = method == NATIVE
    keeps_steps = is_native and request.later_steps is None
    return Continuation(
        method=method,
        segment_num_frames=segment,
        min_segment_num_frames=min(segment, rules.min_segment_num_frames or (1 if is_native else -(-segment // 2))),
        overlap_num_frames=overlap,
        frames_step=rules.frames_step,
        frames_offset=rules.frames_offset,
        num_inference_steps=request.num_inference_steps if keeps_steps else request.later_segment_steps,
        match_color=request.match_color and not is_native,
    )


def _overlap_leaves_new_frames(
    how: Continuation, request: ContinuationRequest, rules: ShapeRules, faults: Faults
) -> bool:
    if how.overlap_num_frames < how.segment_num_frames:
        return True
    least = next_on_step(how.overlap_num_frames + 1, step=rules.frames_step, offset=rules.frames_offset)
    what = f"a segment of {how.segment_num_frames} frames shares {how.overlap_num_frames} with the one before"
    remedy = f"segment_num_frames: {least} or more"
    if request.segment_num_frames is not None:
        request.segment_num_frames.add_fault(what, remedy, faults)
    else:
        faults.add_at("model.rules.segment_num_frames", what, remedy)
    return False


def _refuse_shots(
    entry: Entry, request: ContinuationRequest, shots: Sequence[int], rules: ShapeRules, faults: Faults
) -> ContinuationResult:
    """Refuses shots where the model only makes clips at once; a length that is too long is recorded elsewhere."""
    if len(shots) < 2:
        return AT_ONCE
    what = f"{len(shots)} shots; the model {request.model} makes clips of one prompt, {rules.describe_num_frames()}"
    faults.add(entry.line, what, LONG_MODELS)
    return FAULTY


def _cuts_are_possible(entry: Entry, request: ContinuationRequest, rules: ShapeRules, faults: Faults) -> bool:
    cuts = [shot for shot in entry.shots[1:] if shot.cut] if rules.image == "required" else []
    for shot in cuts:
        what = f"cut: the model {request.model} begins with an image, and after a cut there is none"
        faults.add(shot.line, what, "remove the cut, or make the shot a clip of its own with an image")
    return not cuts


def _has_one_prompt(entry: Entry, request: ContinuationRequest, faults: Faults) -> bool:
    """Records the shots that would continue others where one prompt holds for the whole pass."""
    continued = [shot for shot in entry.shots[1:] if not shot.cut]
    for shot in continued:
        what = f"a shot that continues another; the model {request.model} makes a clip of one prompt"
        faults.add(shot.line, what, "make one prompt of the shots, or each shot a clip of its own")
    return not continued


def _every_shot_has_a_window(entry: Entry, shots: Sequence[int], how: Continuation, faults: Faults) -> bool:
    """Records the shots that no window has the prompt of, which would be rendered with their neighbours' prompts."""
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
