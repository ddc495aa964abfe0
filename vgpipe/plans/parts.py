"""What a plan counts of a clip: all its segments, the first steps of a draft, or the steps that a draft leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vgpipe.clips.halving import Expected
from vgpipe.job.clip import Clip
from vgpipe.job.segment import Segment
from vgpipe.job.segments import segments_of


@dataclass(frozen=True, slots=True)
class Steps:
    """Which of its steps a clip makes.

    Attributes:
        done: those that a checkpoint has already, of its first pass.
        stop: after which it stops with a preview; None for a clip that is made to the end.
        judged: after which its previews are judged on the way, rising, each of them decoded.
    """

    done: int = 0
    stop: int | None = None
    judged: tuple[int, ...] = ()


StepsOf = Callable[[Clip], Steps]
ALL = Steps()


@dataclass(frozen=True, slots=True)
class Part:
    """One pass of a clip.

    Attributes:
        clip: a clip of the same cost.
        of_steps: all steps of the pass, where fewer are made; else None.
        is_draft: whether it stops with a preview.
    """

    clip: Clip
    of_steps: int | None = None
    is_draft: bool = False


def all_steps(_clip: Clip) -> Steps:
    """The `StepsOf` of a run that neither makes nor continues drafts."""
    return ALL


def parts_of(clip: Clip, steps: Steps) -> tuple[Part, ...]:
    """Returns what is made of a clip, in order.

    Args:
        clip: the clip.
        steps: which of its steps.
    """
    if steps.judged:
        return _judged_parts(clip, steps)
    segments = segments_of(clip)
    first = sum(map(_is_of_first_pass(segments), segments))
    if steps.stop is not None:
        made = max(1, steps.stop - max(steps.done, clip.skipped_steps))
        return (_shortened(segments[0], made, first, is_draft=True),)
    whole = [Part(segment.planned) for segment in segments]
    if not steps.done:
        return tuple(whole)
    left = max(1, clip.num_inference_steps - steps.done)
    return (*(_shortened(segment, left, 1) for segment in segments[:first]), *whole[first:])


def judged_steps(expected: Expected, done: int = 0) -> Steps:
    """Returns which steps are made of a clip that competes.

    Args:
        expected: how far it comes.
        done: the steps that a checkpoint has already.
    """
    stops = expected.judged
    if expected.is_finished or not stops:
        return Steps(done=done, judged=stops)
    return Steps(done=min(done, stops[-1] - 1), stop=stops[-1], judged=stops[:-1])


def _judged_parts(clip: Clip, steps: Steps) -> tuple[Part, ...]:
    found: list[Part] = []
    done = steps.done
    for step in (*steps.judged, *((steps.stop,) if steps.stop is not None else ())):
        if step > done:
            found += parts_of(clip, Steps(done, step))
            done = step
    return (*found, *(parts_of(clip, Steps(done)) if steps.stop is None else ()))


def _shortened(segment: Segment, steps: int, pieces: int, *, is_draft: bool = False) -> Part:
    """Returns a pass that makes fewer steps.

    Args:
        segment: the pass, or a piece of one.
        steps: that it makes.
        pieces: whose windows are denoised for it.
        is_draft: whether it stops with a preview.
    """
    windows = pieces * (segment.trajectory.windows_per_piece if segment.trajectory else 1.0)
    made, of = (max(1, round(count * windows)) for count in (steps, segment.clip.num_inference_steps))
    return Part(replace(segment.planned, num_inference_steps=made), of, is_draft)


def _is_of_first_pass(segments: tuple[Segment, ...]) -> Callable[[Segment], bool]:
    """Returns what says whether a segment is denoised with the first: itself, or a piece of the same trajectory."""
    course = segments[0].trajectory

    def is_of(segment: Segment) -> bool:
        if course is None or segment.trajectory is None:
            return segment is segments[0]
        return replace(segment.trajectory, first_frame=course.first_frame) == course

    return is_of
