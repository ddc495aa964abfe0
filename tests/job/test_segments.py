"""How a long clip is cut into segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.clip import Clip, Continuation, Shot
from vgpipe.job.segment import GIVEN, Segment
from vgpipe.job.segments import count_segments, segment_seed, segments_of, work_of

METHODS = CHAINS, WINDOW = ("image", "frames"), ("window",)
SECTIONS, ANY = ("native",), ("image", "frames", "window", "native")
GRIDS = [(1, 0), (4, 1), (8, 1), (16, 1)]
PLAIN = Clip(
    id="x-00000000", prompt="x", negative_prompt="", seed=5, width=64, height=64, num_frames=17, fps=8.0,
    num_inference_steps=20, guidance_scale=3.0, model="m",
)  # fmt: skip


@st.composite
def continuations(draw: st.DrawFn, methods: Sequence[str] = ANY) -> Continuation:
    """Draws what the job floor may ask for: a segment on the step, and less than that shared."""
    method, (step, offset) = draw(st.sampled_from(methods)), draw(st.sampled_from(GRIDS))
    smallest, steps = offset or step, draw(st.integers(1, 12))
    segment = smallest + step * steps
    shared = {
        "image": st.integers(1, segment - 1),
        "frames": st.integers(0, steps - 1).map(lambda count: smallest + step * count),
        "window": st.integers(1, steps).map(lambda count: step * count),
        "native": st.integers(0, steps - 1).map(lambda count: smallest + step * count),
    }
    return Continuation(
        method=method,
        segment_num_frames=segment,
        min_segment_num_frames=draw(st.integers(1, segment)),
        overlap_num_frames=draw(shared[method]),
        frames_step=step,
        frames_offset=offset,
        num_inference_steps=7,
        match_color=draw(st.booleans()),
    )


@st.composite
def long_clips(draw: st.DrawFn, methods: Sequence[str] = ANY, min_shots: int = 1) -> Clip:
    how = draw(continuations(methods))
    lengths = st.integers(1, 3 * how.segment_num_frames)
    many = st.lists(st.tuples(lengths, st.booleans()), min_size=min_shots, max_size=5)
    shots = tuple(Shot(prompt=f"shot {n}", num_frames=length, cut=cut and n > 0) for n, (length, cut) in
                  enumerate(draw(many)))  # fmt: skip
    image = draw(st.sampled_from([None, "/a.png"]))
    return told_in(replace(PLAIN, image=image, image_sha256=image and "0" * 64, continuation=how), shots)


def told_in(clip: Clip, shots: Sequence[Shot]) -> Clip:
    whole = sum(shot.num_frames for shot in shots)
    own = tuple(shots) if len(shots) > 1 else ()
    return replace(clip, prompt=shots[0].prompt, num_frames=whole, shots=own)


def shots_of(clip: Clip) -> tuple[Shot, ...]:
    return clip.shots or (Shot(prompt=clip.prompt, num_frames=clip.num_frames),)


def begins(clip: Clip, segment: Segment) -> bool:
    """Whether it is in the first shot of a group between cuts, and so may begin anew."""
    return segment.shot == 0 or shots_of(clip)[segment.shot].cut


def unnamed(segments: Sequence[Segment]) -> list[Segment]:
    """Leaves out the ids, which tell how many there are."""
    return [replace(one, clip=replace(one.clip, id="")) for one in segments]


def delivered(segments: Sequence[Segment]) -> list[int]:
    return [one.stop - one.start for one in segments]


@given(long_clips())
def test_every_frame_is_delivered_once(clip: Clip) -> None:
    assert sum(delivered(segments_of(clip))) == clip.num_frames


@given(long_clips())
def test_every_pass_is_one_that_the_model_can_make(clip: Clip) -> None:
    how = clip.continuation
    for one in segments_of(clip):
        assert (one.clip.num_frames - how.frames_offset) % how.frames_step == 0
        assert how.min_segment_num_frames <= one.clip.num_frames <= how.segment_num_frames
        assert 0 <= one.start <= one.stop <= one.end <= one.clip.num_frames
        assert not one.clip.shots and one.clip.continuation is None


@given(long_clips())
def test_segments_are_counted_and_named_in_order(clip: Clip) -> None:
    segments = segments_of(clip)
    assert [one.index for one in segments] == list(range(len(segments)))
    assert [one.clip.id for one in segments] == [
        f"{clip.id} [{n}/{len(segments)}]" for n in range(1, len(segments) + 1)
    ]
    assert [one.shot for one in segments] == sorted(one.shot for one in segments)
    if clip.continuation.method != "window":
        prompts = [shot.prompt for shot in shots_of(clip)]
        assert [one.clip.prompt for one in segments] == [prompts[one.shot] for one in segments]
        assert clip.continuation.method in SECTIONS or {one.shot for one in segments} == set(range(len(prompts)))


@given(long_clips(CHAINS))
def test_a_segment_goes_on_from_frames_that_the_one_before_has(clip: Clip) -> None:
    how = clip.continuation
    for before, one in pairwise(segments_of(clip)):
        is_new_group = one.shot != before.shot and begins(clip, one)
        assert one.is_independent == is_new_group == (one.given == 0)
        if not is_new_group:
            assert 1 <= one.given <= min(before.end - before.start, how.overlap_num_frames)
            assert one.conditions == (one.given if how.method == "frames" else 1)
            assert (one.conditions - how.frames_offset) % how.frames_step == 0
        assert one.match_color == (how.match_color and one.given > 0)
    assert segments_of(clip)[0].is_independent


@given(long_clips(CHAINS))
def test_each_shot_has_as_many_new_frames_as_it_lasts(clip: Clip) -> None:
    for number, own in groupby(segments_of(clip), key=lambda one: one.shot):
        assert sum(one.end - one.given for one in own) == shots_of(clip)[number].num_frames


@given(long_clips(CHAINS))
def test_several_shared_frames_are_delivered_by_the_later_segment_as_a_blend(clip: Clip) -> None:
    segments = segments_of(clip)
    for one in segments:
        assert one.blend == (one.given if one.given > 1 else 0)
        assert one.start == one.given - one.blend
    for one, after in pairwise(segments):
        assert one.stop == one.end - after.blend
    assert segments[-1].stop == segments[-1].end


@given(long_clips())
def test_the_first_segment_is_the_clips_own_and_later_ones_have_fewer_steps(clip: Clip) -> None:
    first, *others = segments_of(clip)
    assert first.clip.seed == clip.seed
    assert (first.clip.image, first.clip.image_sha256) == (clip.image, clip.image_sha256)
    assert first.clip.num_inference_steps == clip.num_inference_steps
    for one in others:
        same_pass = one.trajectory is not None and one.clip.seed == clip.seed
        assert one.clip.image == (clip.image if same_pass else None)
        assert one.clip.num_inference_steps == (clip.num_inference_steps if one.is_independent else 7)
        assert one.clip.width == clip.width and one.clip.guidance_scale == clip.guidance_scale


@given(long_clips(SECTIONS))
def test_a_section_goes_on_from_whole_latent_frames_of_the_one_before(clip: Clip) -> None:
    how = clip.continuation
    for before, one in pairwise(segments_of(clip)):
        if one.is_independent:
            assert shots_of(clip)[one.shot].cut
            continue
        assert one.clip.seed == before.clip.seed and one.start == one.history
        assert one.history == min(how.overlap_num_frames, before.clip.num_frames)
        assert before.stop == before.clip.num_frames, "frames between them would be left out"
        assert not one.given and not one.match_color and one.planned is one.clip


@given(long_clips((*CHAINS, *WINDOW)))
def test_every_pass_has_noise_of_its_own(clip: Clip) -> None:
    segments = segments_of(clip)
    passes = [one for one in segments if one.trajectory is None or one.trajectory.first_frame == 0]
    assert len({one.clip.seed for one in segments}) == len(passes)
    assert all(0 <= one.clip.seed < 2**63 for one in segments)


@given(st.integers(1, 500), st.sampled_from([None, "/a.png"]))
def test_a_clip_that_is_made_at_once_is_its_only_segment(num_frames: int, image: str | None) -> None:
    clip = replace(PLAIN, num_frames=num_frames, image=image)
    (only,) = segments_of(clip)
    assert only == Segment(index=0, clip=clip, end=num_frames, stop=num_frames) and only.clip is only.planned is clip


@given(long_clips(WINDOW))
def test_pieces_tile_their_trajectory(clip: Clip) -> None:
    how = clip.continuation
    assert all(one.is_independent and not one.match_color and not one.blend for one in segments_of(clip))
    for seed, pieces in groupby(segments_of(clip), key=lambda one: one.clip.seed):
        done = 0
        for one in pieces:
            course = one.trajectory
            if course is None:
                assert one.start == 0 and one.stop <= one.clip.num_frames
                break
            assert course.first_frame % how.frames_step == 0
            assert course.first_frame + one.clip.num_frames <= course.num_frames
            assert (course.num_frames - how.frames_offset) % how.frames_step == 0
            assert course.first_frame + one.start == done
            assert (one.start == 0) == (course.first_frame == 0)
            done = course.first_frame + one.stop
            assert one.clip.num_frames == how.segment_num_frames and one.clip.seed == seed


@given(long_clips(WINDOW))
def test_a_trajectory_has_the_prompts_of_its_shots(clip: Clip) -> None:
    shots, told = shots_of(clip), []
    for _, pieces in groupby(segments_of(clip), key=lambda one: one.clip.seed):
        first, *others = pieces
        if first.trajectory is None:
            told += [(0, first.clip.prompt)]
            continue
        told += first.trajectory.prompts
        assert all(one.trajectory.prompts == first.trajectory.prompts for one in others)
        assert first.clip.prompt == first.trajectory.prompts[0][1]
    at, expected = 0, []
    for shot in shots:
        at = 0 if shot.cut else at
        expected.append((at, shot.prompt))
        at += shot.num_frames
    assert told == expected


@given(long_clips(WINDOW))
def test_a_piece_is_of_the_shot_that_its_first_frame_is_of(clip: Clip) -> None:
    at, ends = 0, []
    for shot in shots_of(clip):
        ends.append(ends[-1] + shot.num_frames if ends else shot.num_frames)
    for one in segments_of(clip):
        assert one.shot == sum(end <= at for end in ends)
        at += one.stop - one.start


@given(long_clips(CHAINS, min_shots=3), st.integers(1, 60))
def test_another_third_shot_leaves_what_comes_before_as_it_was(clip: Clip, num_frames: int) -> None:
    third = replace(clip.shots[2], prompt="another", num_frames=num_frames)
    other = told_in(clip, [*clip.shots[:2], third, *clip.shots[3:]])
    before, after = ([one for one in segments_of(each) if one.shot < 2] for each in (clip, other))
    assert unnamed(before) == unnamed(after)


@given(long_clips(CHAINS), st.integers(1, 100))
def test_a_longer_clip_begins_with_the_same_segments(clip: Clip, more: int) -> None:
    *shots, last = shots_of(clip)
    longer = told_in(clip, [*shots, replace(last, num_frames=last.num_frames + more)])
    before, after = (unnamed(segments_of(each)) for each in (clip, longer))
    assert before[:-1] == after[: len(before) - 1]


@given(long_clips(), st.integers(1, 2**62))
def test_another_seed_changes_every_pass_and_nothing_else(clip: Clip, seed: int) -> None:
    before, after = segments_of(clip), segments_of(replace(clip, seed=clip.seed + seed))
    assert all(one.clip.seed != other.clip.seed for one, other in zip(before, after, strict=True))
    assert [replace(other, clip=replace(other.clip, seed=one.clip.seed)) for one, other in
            zip(before, after, strict=True)] == list(before)  # fmt: skip


@given(continuations(), st.integers(1, 500))
def test_segments_are_counted_without_making_them(how: Continuation, num_frames: int) -> None:
    clip = replace(PLAIN, num_frames=num_frames, continuation=how)
    assert count_segments(num_frames, how) == len(segments_of(clip))
    assert count_segments(num_frames, None) == 1


def test_a_very_long_clip_is_cut_in_no_time() -> None:
    clip = replace(PLAIN, num_frames=100_000, continuation=by("window"))
    assert sum(delivered(segments_of(clip))) == 100_000


def test_a_section_after_a_shot_begins_where_the_last_latent_frame_ends() -> None:
    segments = segments_of(told_in(replace(PLAIN, continuation=by("native")), SHOTS))
    assert [(one.clip.prompt, one.history, one.stop) for one in segments] == [
        ("a", 0, 17), ("a", 5, 9), ("b", 5, 7), ("c", 0, 17), ("c", 5, 9), ("d", 5, 7),
    ]  # fmt: skip
    assert delivered(segments) == [17, 4, 2, 17, 4, 2] and [one.clip.num_frames for one in segments][2] == 9


def test_sections_of_a_model_that_makes_all_in_one_pass() -> None:
    how = replace(by("native"), segment_num_frames=37, overlap_num_frames=0, frames_step=36, min_segment_num_frames=1)
    segments = segments_of(replace(PLAIN, image="/a.png", num_frames=100, continuation=how))
    assert [(one.trajectory.first_frame, one.start, one.stop) for one in segments] == [
        (0, 0, 37), (36, 1, 37), (72, 1, 28),
    ]  # fmt: skip
    assert {one.trajectory.num_frames for one in segments} == {109} and count_segments(100, how) == 3
    assert {(one.planned.num_inference_steps, one.clip.image) for one in segments} == {(20, "/a.png")}


def by(method: str) -> Continuation:
    """Goes on as the 17-frame model of the demo would."""
    overlap = {"image": 1, "image of 5": 5, "frames": 5, "window": 8, "native": 5}[method]
    return Continuation(
        method=method.split()[0], segment_num_frames=17, min_segment_num_frames=9, overlap_num_frames=overlap,
        frames_step=4, frames_offset=1, num_inference_steps=7, match_color=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "num_frames", "spans", "passes"),
    [
        ("image", 80, [(0, 17), (1, 17), (1, 17), (1, 17), (1, 16)], [17, 17, 17, 17, 17]),
        ("image", 81, [(0, 17), (1, 17), (1, 17), (1, 17), (1, 17)], [17, 17, 17, 17, 17]),
        ("image", 18, [(0, 17), (1, 2)], [17, 9]),
        ("image", 30, [(0, 17), (1, 14)], [17, 17]),
        ("image of 5", 40, [(0, 12), (0, 12), (0, 16)], [17, 17, 17]),
        ("frames", 40, [(0, 12), (0, 12), (0, 16)], [17, 17, 17]),
        ("frames", 18, [(0, 12), (0, 6)], [17, 9]),
        ("window", 80, [(0, 17), *[(5, 17)] * 5, (13, 16)], [17] * 7),
        ("window", 18, [(0, 17), (13, 14)], [17, 17]),
        ("window", 15, [(0, 15)], [17]),
    ],
)
def test_known_lengths(method: str, num_frames: int, spans: list[tuple[int, int]], passes: list[int]) -> None:
    segments = segments_of(replace(PLAIN, num_frames=num_frames, continuation=by(method)))
    assert [(one.start, one.stop) for one in segments] == spans
    assert [one.clip.num_frames for one in segments] == passes


def test_eighty_frames_of_a_model_of_seventeen() -> None:
    segments = segments_of(replace(PLAIN, num_frames=80, continuation=by("image")))
    assert delivered(segments) == [17, 16, 16, 16, 15]
    assert [one.clip.num_inference_steps for one in segments] == [20, 7, 7, 7, 7]


def test_a_window_goes_on_in_one_trajectory() -> None:
    segments = segments_of(replace(PLAIN, num_frames=80, continuation=by("window")))
    assert {one.trajectory.num_frames for one in segments} == {81}
    assert [one.trajectory.first_frame for one in segments] == [0, 12, 24, 36, 48, 60, 64]
    assert {one.trajectory.overlap_num_frames for one in segments} == {8}


SHOTS = (
    Shot(prompt="a", num_frames=20),
    Shot(prompt="b", num_frames=3),
    Shot(prompt="c", num_frames=18, cut=True),
    Shot(prompt="d", num_frames=5),
)


def test_each_shot_of_a_chain_begins_with_a_segment_of_its_own() -> None:
    segments = segments_of(told_in(replace(PLAIN, continuation=by("image")), SHOTS))
    assert [(one.clip.prompt, one.given, one.end) for one in segments] == [
        ("a", 0, 17), ("a", 1, 4), ("b", 1, 4), ("c", 0, 17), ("c", 1, 2), ("d", 1, 6),
    ]  # fmt: skip
    assert [one.clip.num_inference_steps for one in segments] == [20, 7, 7, 20, 7, 7]


def test_frames_of_a_short_segment_are_as_many_as_the_model_can_take_in() -> None:
    shots = [Shot(prompt="a", num_frames=3), Shot(prompt="b", num_frames=6), Shot(prompt="c", num_frames=20)]
    segments = segments_of(told_in(replace(PLAIN, continuation=by("frames")), shots))
    assert [(one.given, one.start, one.stop, one.end) for one in segments] == [
        (0, 0, 3, 3), (1, 1, 2, 7), (5, 0, 12, 17), (5, 0, 13, 13),
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["image of 5", "frames"])
def test_a_shot_shorter_than_what_is_shared_gives_no_more_than_it_has(method: str) -> None:
    shots = [Shot(prompt=prompt, num_frames=4) for prompt in "abc"]
    segments = segments_of(told_in(replace(PLAIN, continuation=by(method)), shots))
    assert all(0 <= one.start <= one.stop for one in segments)
    assert sum(delivered(segments)) == 12


def test_a_cut_begins_another_trajectory() -> None:
    segments = segments_of(told_in(replace(PLAIN, image="/a.png", continuation=by("window")), SHOTS))
    assert [one.trajectory.prompts for one in segments] == [((0, "a"), (20, "b"))] * 2 + [((0, "c"), (18, "d"))] * 2
    assert Counter(one.clip.image for one in segments) == {"/a.png": 2, None: 2}
    assert [one.shot for one in segments] == [0, 0, 2, 2]
    assert sum(delivered(segments)) == 46


def test_what_is_planned_takes_as_much_as_the_segment() -> None:
    first, *others = segments_of(replace(PLAIN, num_frames=80, continuation=by("image")))
    assert first.planned is first.clip and {one.planned.image for one in others} == {GIVEN}
    with_image = segments_of(replace(PLAIN, image="/a.png", num_frames=80, continuation=by("image")))
    assert with_image[0].planned.image == "/a.png"
    pieces = segments_of(replace(PLAIN, num_frames=80, continuation=by("window")))
    windows = sum(one.planned.num_inference_steps for one in pieces) / 20
    assert windows == pytest.approx(7, abs=0.5)  # five latent frames each, three of them new
    assert {one.planned.num_frames for one in pieces} == {17}


def test_seeds_stay_what_they_were() -> None:
    """The names of artifacts hang on them."""
    places = [(0, 0), (0, 1), (1, 0)]
    assert [segment_seed(5, *place) for place in places] == [5, 6599335079792145572, 4476524691060552588]


@pytest.mark.parametrize("method", ANY)
def test_a_draft_is_a_share_of_the_steps_of_what_is_denoised_first(method):
    assert work_of(PLAIN, 5) == work_of(PLAIN) * 5 / 20
    clip = replace(PLAIN, num_frames=80, continuation=by(method))
    first = segments_of(clip)[0].planned
    of_first = first.width * first.height * first.num_frames * first.num_inference_steps
    denoised = work_of(clip) if method == "window" else of_first  # one trajectory is denoised as a whole
    assert work_of(clip, 5) == pytest.approx(denoised * 5 / 20) and work_of(clip, 5) < work_of(clip)
