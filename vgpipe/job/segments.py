"""Splits a long clip into segments of exact lengths, with no frame missing or delivered twice.

`image` and `frames` make a chain: each segment begins with the last frames of the one before. So does `native`, where
it continues the latents of those frames, and the noise too: a chain equals the model's own long call. `window`, and
`native` where a model's sections share no frames, make one trajectory over the whole length, which is denoised once and
decoded piece by piece. A cut starts a new chain or trajectory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, takewhile

from vgpipe.job.clip import Clip, Continuation, Shot
from vgpipe.job.rules import next_on_step
from vgpipe.job.segment import FRAMES, NATIVE, WINDOW, Segment, Trajectory
from vgpipe.job.segment_images import with_given_frames

CONTEXT_FRAMES = 5
"""Frames at the start of a later piece that only give the decoder context, at least."""


def segments_of(clip: Clip) -> tuple[Segment, ...]:
    """Returns the segments of a clip, in order; a clip that is made at once has one segment, the clip itself."""
    if clip.continuation is None:
        return (Segment(index=0, clip=clip, end=clip.num_frames, stop=clip.num_frames),)
    shots = clip.shots or (Shot(prompt=clip.prompt, num_frames=clip.num_frames),)
    found: list[Segment] = []
    make = _pieces if clip.continuation.is_one_pass else _chain
    for first, stop in between_cuts([shot.cut for shot in shots]):
        found += make(clip, clip.continuation, first, shots[first:stop], len(found))
    found = with_given_frames(clip, found) if not clip.continuation.is_one_pass else found
    names = (f"{clip.id} [{segment.index + 1}/{len(found)}]" for segment in found)
    return tuple(replace(one, clip=replace(one.clip, id=name)) for one, name in zip(found, names, strict=True))


def count_segments(num_frames: int, continuation: Continuation | None) -> int:
    """Estimates how many segments a clip of one shot has, without making them."""
    if continuation is None:
        return 1
    fresh = max(1, continuation.segment_num_frames - _context(continuation))
    return 1 + max(0, -(-(num_frames - continuation.segment_num_frames) // fresh))


def _context(continuation: Continuation) -> int:
    """Returns how many frames of a later segment the one before delivers."""
    if continuation.method != WINDOW:
        return continuation.overlap_num_frames or 1
    step, offset = continuation.frames_step, continuation.frames_offset % continuation.frames_step
    wanted = offset + max(0, -(-(CONTEXT_FRAMES - offset) // step)) * step
    return min(wanted, continuation.segment_num_frames - step)


def between_cuts(cuts: Sequence[bool]) -> list[tuple[int, int]]:
    """Returns the (first, stop) ranges of shots that continue each other; the first shot always starts a range."""
    begins = [0, *(index for index in range(1, len(cuts)) if cuts[index])]
    return list(zip(begins, [*begins[1:], len(cuts)], strict=True))


def _chain(clip: Clip, how: Continuation, first: int, shots: Sequence[Shot], index: int) -> list[Segment]:
    """Returns a chain of segments; each shot starts with a new segment, since its prompt differs."""
    if how.method == NATIVE:
        return _sections(clip, how, first, shots, index)
    made: list[Segment] = []
    for number, shot in enumerate(shots, start=first):
        left = shot.num_frames
        while left > 0:
            given = _given(made[-1], number, how) if made else 0
            end = min(given + left, how.segment_num_frames)
            place = (number, sum(one.shot == number for one in made))
            passed = _pass(clip, how, shot.prompt, place, end, continues=bool(made))
            blend = given if given > 1 else 0
            if blend:
                made[-1] = replace(made[-1], stop=made[-1].end - blend)
            made.append(
                Segment(
                    index=index + len(made),
                    clip=passed,
                    shot=number,
                    given=given,
                    conditions=given if how.method == FRAMES else min(given, 1),
                    start=given - blend,
                    end=end,
                    stop=end,
                    blend=blend,
                    match_color=given > 0 and how.match_color,
                )
            )
            left -= end - given
    return made


def _sections(clip: Clip, how: Continuation, first: int, shots: Sequence[Shot], index: int) -> list[Segment]:
    """Returns a chain that continues latents, and with one shot the sections of the stock call for its whole length.

    A section ends with a whole latent frame. Where a shot does not, the next one begins up to that much later, so that
    no frame between them is left out.
    """
    made: list[Segment] = []
    seed, late = segment_seed(clip.seed, first, 0), 0
    for number, shot in enumerate(shots, start=first):
        left, late = shot.num_frames - late, max(0, late - shot.num_frames)
        while left > 0:
            history = min(how.overlap_num_frames, made[-1].clip.num_frames) if made else 0
            end = min(history + left, how.segment_num_frames)
            passed = _pass(clip, how, shot.prompt, (number, len(made)), end, continues=bool(made))
            left -= end - history
            if left == 0 and shot is not shots[-1]:
                end, late = passed.num_frames, passed.num_frames - end
            section = replace(passed, seed=seed)
            made.append(
                Segment(
                    index=index + len(made),
                    clip=section,
                    shot=number,
                    history=history,
                    start=history,
                    end=end,
                    stop=end,
                )
            )
    last = made[-1]  # which a last shot shorter than a latent frame ends in
    return [*made[:-1], replace(last, end=last.end - late, stop=last.stop - late)]


def _given(before: Segment, shot: int, how: Continuation) -> int:
    """Returns how many of the last frames the next segment shares: a count that the model accepts."""
    if how.method != FRAMES and before.shot != shot:
        return 1  # the prompts lead to different motion after that frame, which cannot be blended
    available = before.end - before.start
    if available >= how.overlap_num_frames:
        return how.overlap_num_frames
    offset = how.frames_offset % how.frames_step or how.frames_step
    return max(1, offset + (available - offset) // how.frames_step * how.frames_step)


def _pass(clip: Clip, how: Continuation, prompt: str, place: tuple[int, int], end: int, *, continues: bool) -> Clip:
    """Returns one pass as a clip; `place` is its shot and its index within it; only the first has image and video."""
    is_first = place == (0, 0)
    return replace(
        clip,
        prompt=prompt,
        seed=segment_seed(clip.seed, *place),
        num_frames=_on_step(max(end, how.min_segment_num_frames), how),
        num_inference_steps=how.num_inference_steps if continues else clip.num_inference_steps,
        image=clip.image if is_first else None,
        image_sha256=clip.image_sha256 if is_first else None,
        video=clip.video if is_first else None,
        video_sha256=clip.video_sha256 if is_first else None,
        video_num_frames=clip.video_num_frames if is_first else None,
        last_image=None,
        last_image_sha256=None,
        images=(),
        shots=(),
        continuation=None,
    )


def _pieces(clip: Clip, how: Continuation, first: int, shots: Sequence[Shot], index: int) -> list[Segment]:
    """Returns the pieces of one trajectory over all the shots, each as long as a window."""
    wanted = sum(shot.num_frames for shot in shots)
    begins = [0, *accumulate(shot.num_frames for shot in shots)]
    whole = _pass(clip, how, shots[0].prompt, (first, 0), wanted, continues=False)
    if how.method == NATIVE:
        whole = replace(whole, last_image=clip.last_image, last_image_sha256=clip.last_image_sha256)
    length = how.segment_num_frames
    if whole.num_frames <= length and len(shots) == 1:
        return [Segment(index=index, clip=whole, shot=first, end=wanted, stop=wanted)]
    total = max(whole.num_frames, length)
    prompts = tuple((begin, shot.prompt) for begin, shot in zip(begins, shots, strict=False))
    places = _places(wanted, total, how)
    windows = len(_window_begins(total, how)) if how.method == WINDOW else (total - 1) // how.frames_step
    course = Trajectory(
        num_frames=total,
        overlap_num_frames=how.overlap_num_frames,
        prompts=prompts,
        first_frame=0,
        windows_per_piece=windows / len(places),
        method=how.method,
        schedules=windows if how.method == NATIVE else 1,
    )
    return [
        Segment(
            index=index + number,
            clip=replace(whole, num_frames=length),
            shot=first + sum(one <= begin + start for one in begins[1:-1]),
            start=start,
            end=end,
            stop=end,
            trajectory=replace(course, first_frame=begin),
        )
        for number, (begin, start, end) in enumerate(places)
    ]


def _places(wanted: int, total: int, how: Continuation) -> list[tuple[int, int, int]]:
    """Returns where each piece begins in its trajectory, and which of its decoded frames are delivered."""
    places: list[tuple[int, int, int]] = []
    done, length = 0, how.segment_num_frames
    while done < wanted:
        # The last piece starts earlier, so that all have one shape.
        begin = min(done - (_context(how) if places else 0), total - length)
        end = min(length, wanted - begin)
        places.append((begin, done - begin, end))
        done = begin + end
    return places


def _on_step(num_frames: int, how: Continuation) -> int:
    return next_on_step(num_frames, step=how.frames_step, offset=how.frames_offset)


def segment_seed(seed: int, shot: int, index: int) -> int:
    """Returns the seed of a segment's noise.

    Args:
        seed: of the clip.
        shot: number of its shot, from 0.
        index: its index within the shot, from 0; so an edit of one shot does not change the noise of the others.

    Returns:
        The clip's own for its first segment, which then equals a short clip; else one derived from it.
    """
    if shot == index == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {shot} {index}".encode()).digest()[:8], "big") >> 1


def shots_without_window(shots: Sequence[int], how: Continuation) -> list[int]:
    """Returns the indices of shots whose prompt no window uses: a window uses the prompt of the shot at its middle.

    Args:
        shots: frames of each shot of one trajectory.
        how: how it is continued.
    """
    total = max(_on_step(sum(shots), how), how.segment_num_frames)
    middles = [begin + (how.segment_num_frames - 1) // 2 for begin in _window_begins(total, how)]
    ends = list(accumulate(shots))
    held = {min(sum(end <= middle for end in ends), len(shots) - 1) for middle in middles}
    return [number for number in range(len(shots)) if number not in held]


def _window_begins(total: int, how: Continuation) -> list[int]:
    """Returns the first frame of each window; a VAE whose stride is finer than the model's step has more windows."""
    last = total - how.segment_num_frames
    apart = max(how.frames_step, how.segment_num_frames - 1 + how.frames_step - how.overlap_num_frames)
    return [*range(0, last, apart), last]


def work_of(clip: Clip, draft: int | None = None) -> float:
    """Returns the pixels of all frames and steps of a clip that are denoised, in the segments that it is made in.

    Args:
        clip: the clip.
        draft: the steps after which it stops; None where it is made to the end.
    """
    segments, share = segments_of(clip), 1.0
    if draft is not None:
        first, *others = segments
        # All pieces of a trajectory are denoised at once, those of a chain are not.
        segments, share = (first, *takewhile(_is_later_piece, others)), draft / clip.num_inference_steps
    pieces = [segment.planned for segment in segments]
    return share * sum(one.width * one.height * one.num_frames * one.num_inference_steps for one in pieces)


def _is_later_piece(segment: Segment) -> bool:
    return segment.trajectory is not None and segment.trajectory.first_frame > 0
