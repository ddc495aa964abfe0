"""How a clip goes on beyond what its model can make at once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.clip import Clip, Continuation
from vgpipe.job.resolving.continuations import LONG_MODELS, fit_continuation
from vgpipe.job.rules import ShapeRules
from vgpipe.job.segments import segments_of

SHORT = ShapeRules(max_side=256, max_num_frames=17)
LONG = replace(SHORT, continuations=("image", "window"))
FRAMES = replace(SHORT, max_num_frames=81, continuations=("frames", "image", "window"), overlap_num_frames=5)
LENGTH = "prompts: [{prompt: x, num_frames: 80}]"


def job(**settings: object) -> str:
    return "prompts:\n- " + "\n  ".join(f"{name}: {json.dumps(value)}" for name, value in settings.items())


@pytest.fixture
def how(clips_of):
    """Gives the continuation of the one clip of a job."""

    def found(content: str, rules: ShapeRules = LONG, **given: object) -> Continuation | None:
        (clip,) = clips_of(content, rules=rules, **given).clips
        return clip.continuation

    return found


def test_what_the_model_makes_at_once_has_none(how) -> None:
    for num_frames in (1, 13, 17):
        assert how(job(prompt="x", num_frames=num_frames)) is None


def test_the_first_that_the_model_has_is_taken(how) -> None:
    for auto in ({}, {"continuation": "auto"}):
        assert how(LENGTH, **auto).method == "image"
        assert how(LENGTH, replace(LONG, continuations=("window", "image")), **auto).method == "window"


def test_what_is_typed_is_taken_the_strongest_first(how) -> None:
    assert how(job(prompt="x", num_frames=80, continuation="window")).method == "window"
    assert how("defaults: {continuation: window}\n" + LENGTH).method == "window"
    assert how("defaults: {continuation: window}\n" + LENGTH, continuation="image").method == "image"
    assert how("defaults: {continuation: window}\n" + job(prompt="x", num_frames=80, continuation="auto")).method == (
        "image"
    )


def test_it_has_what_the_model_can_make(how) -> None:
    assert how(LENGTH, num_inference_steps=40) == Continuation(
        method="image", segment_num_frames=17, min_segment_num_frames=9, overlap_num_frames=1, frames_step=4,
        frames_offset=1, num_inference_steps=20, match_color=True,
    )  # fmt: skip
    rules = replace(LONG, max_num_frames=81, segment_num_frames=49, min_segment_num_frames=33)
    found = how(job(prompt="x", num_frames=100), rules)
    assert (found.segment_num_frames, found.min_segment_num_frames) == (49, 33)


@pytest.mark.parametrize(
    ("method", "overlap"), [("image", 1), ("frames", 5), ("window", 8)], ids=["image", "frames", "window"]
)
def test_each_method_has_an_overlap_of_its_own(how, method: str, overlap: int) -> None:
    found = how(job(prompt="x", num_frames=100, continuation=method), FRAMES)
    assert (found.segment_num_frames, found.overlap_num_frames) == (17, overlap)


def test_an_image_may_come_with_more_shared_frames(how) -> None:
    assert how(LENGTH, replace(LONG, image_overlap_num_frames=5)).overlap_num_frames == 5


@pytest.mark.parametrize(
    ("where", "content", "given"),
    [
        ("a.yaml:4", job(prompt="x", num_frames=80, continuation="frames"), {}),
        ("a.yaml:1", "defaults: {continuation: frames}\n" + LENGTH, {}),
        ("clip.continuation", LENGTH, {"continuation": "frames"}),
    ],
)
def test_a_method_that_the_model_lacks_is_named_where_it_was_written(faults_of, where, content, given) -> None:
    assert faults_of(content, rules=LONG, **given) == [
        f"{where}: continuation is frames; the model shapes supports: image, window -> continuation: image"
    ]


@pytest.mark.parametrize("given", [{}, {"continuation": "nonsense"}])
def test_an_unknown_method_is_told_of_those_there_are(faults_of, given) -> None:
    (fault,) = faults_of(job(prompt="x", continuation="auto" if given else "nonsense"), rules=LONG, **given)
    assert 'continuation is the text "nonsense"; allowed: one of auto, image, frames, window, native' in fault


def test_a_model_that_makes_clips_at_once_only_cannot_go_on(faults_of) -> None:
    old = "a.yaml:3: num_frames is 80; the model makes 1, 5, 9, ... 17 frames -> the nearest is num_frames: 17"
    assert faults_of(job(prompt="x", num_frames=80), rules=SHORT) == [old]
    assert faults_of(job(prompt="x", num_frames=80, continuation="image"), rules=SHORT) == [
        f"a.yaml:4: continuation is image; the model shapes cannot continue a clip -> {LONG_MODELS}",
    ]
    assert faults_of(job(prompt="x", seconds=10), rules=SHORT) == [
        "a.yaml:3: seconds is 10, which is 81 frames at 8 fps; the model makes 1, 5, 9, ... 17 frames"
        " -> at most seconds: 2.125 at this fps"
    ]


@pytest.mark.parametrize(
    ("method", "spans"), [("image", [(0, 5), (1, 5), (1, 5)]), ("window", [(0, 5)] + [(1, 5)] * 2)]
)
def test_a_typed_segment_makes_segments_of_what_would_fit_at_once(clips_of, method: str, spans) -> None:
    content = job(prompt="x", num_frames=13, segment_num_frames=5, continuation=method)
    (clip,) = clips_of(content, rules=LONG).clips
    assert [(one.start, one.stop) for one in segments_of(clip)] == spans


def test_a_typed_method_makes_segments_of_the_reference_length(how) -> None:
    rules = replace(LONG, max_num_frames=81)
    assert how(job(prompt="x", num_frames=49), rules) is None
    assert how(job(prompt="x", num_frames=49), rules, continuation="image").segment_num_frames == 17
    assert how(job(prompt="x", num_frames=17), rules, continuation="image") is None


def test_a_longer_segment_than_the_reference_may_be_typed(how) -> None:
    assert how(job(prompt="x", num_frames=100), FRAMES, segment_num_frames=81).segment_num_frames == 81


@pytest.mark.parametrize(
    ("typed", "nearest"), [(16, 17), (2, 1), (14, 13), (15, 17)], ids=["just below", "just above", "down", "up"]
)
def test_a_segment_off_the_models_step_is_refused_with_the_nearest(faults_of, typed: int, nearest: int) -> None:
    said = f"segment_num_frames is {typed}; the model makes 1, 5, 9, ... 17 frames"
    remedy = f"-> the nearest is segment_num_frames: {nearest}"
    assert faults_of(job(prompt="x", num_frames=80, segment_num_frames=typed), rules=LONG) == [
        f"a.yaml:4: {said} {remedy}"
    ]
    assert faults_of(LENGTH, rules=LONG, segment_num_frames=typed) == [f"clip.segment_num_frames: {said} {remedy}"]


def test_a_segment_longer_than_the_model_can_make_is_refused(faults_of) -> None:
    (fault,) = faults_of(job(prompt="x", num_frames=80, segment_num_frames=81), rules=LONG)
    assert fault.startswith("a.yaml:4: segment_num_frames is 81; ") and fault.endswith("segment_num_frames: 17")


@pytest.mark.parametrize(
    ("method", "segment", "overlap"), [("image", 1, 1), ("frames", 5, 5), ("frames", 1, 5), ("window", 1, 4)]
)
def test_segments_that_bring_nothing_new_are_refused(faults_of, method: str, segment: int, overlap: int) -> None:
    said = f"a segment of {segment} frames shares {overlap} with the one before -> segment_num_frames: "
    (fault,) = faults_of(job(prompt="x", num_frames=100, continuation=method, segment_num_frames=segment), rules=FRAMES)
    assert fault.startswith(f"a.yaml:5: {said}")
    (fault,) = faults_of(job(prompt="x", num_frames=100), rules=replace(FRAMES, segment_num_frames=5))
    assert fault.startswith("model.rules.segment_num_frames: a segment of 5 frames shares 5 with the one before -> ")


@pytest.mark.parametrize(
    ("steps", "later"), [(4, 4), (14, 14), (15, 15), (16, 15), (20, 15), (30, 15), (31, 15), (32, 16), (50, 25)]
)
def test_later_segments_have_half_the_steps_but_not_too_few(how, steps: int, later: int) -> None:
    assert how(LENGTH, num_inference_steps=steps).num_inference_steps == later


def test_steps_of_later_segments_may_be_set_anywhere(how) -> None:
    long, preset = job(prompt="x", num_frames=80), {"num_inference_steps": 40, "guidance_scale": 5.0}
    own = job(prompt="x", num_frames=80, segment_num_inference_steps=3)
    with_own = {**preset, "segment_num_inference_steps": 7}
    assert how(long, preset=preset).num_inference_steps == 20
    assert how(long, preset=with_own).num_inference_steps == 7
    assert how("defaults: {segment_num_inference_steps: 5}\n" + long, preset=with_own).num_inference_steps == 5
    assert how("defaults: {segment_num_inference_steps: 5}\n" + own, preset=with_own).num_inference_steps == 3
    assert how(own, preset=with_own, segment_num_inference_steps=90).num_inference_steps == 90


def test_colours_are_matched_unless_somebody_says_no(how) -> None:
    long, preset = job(prompt="x", num_frames=80), {"num_inference_steps": 8, "guidance_scale": 5.0}
    no, yes = ({**preset, "match_color": value} for value in (False, True))
    assert how(long).match_color and how(long, preset=yes).match_color
    assert not how(long, preset=no).match_color
    assert how(job(prompt="x", num_frames=80, match_color=True), preset=no).match_color
    assert not how("defaults: {match_color: false}\n" + long, preset=yes).match_color
    assert how("defaults: {match_color: false}\n" + long, preset=yes, match_color=True).match_color


@pytest.mark.parametrize("setting", [{"match_color": "yes please"}, {"segment_num_inference_steps": 0}])
def test_what_cannot_be_set_is_named(faults_of, setting) -> None:
    ((name, value),) = setting.items()
    (fault,) = faults_of(job(prompt="x", num_frames=80, **setting), rules=LONG)
    assert fault.startswith(f"a.yaml:4: {name} is ") and str(value) in fault


def test_the_id_hangs_on_how_a_clip_goes_on(clips_of) -> None:
    def name(**given: object) -> str:
        return clips_of(LENGTH, rules=LONG, **given).clips[0].id

    others = [{"continuation": "window"}, {"match_color": False}, {"segment_num_frames": 13}]
    others.append({"segment_num_inference_steps": 3})
    assert len({name(), *(name(**one) for one in others)}) == 1 + len(others)
    assert name() == name(continuation="image") == name(segment_num_frames=17)


def test_the_id_of_a_clip_that_is_made_at_once_is_what_it_was(clips_of) -> None:
    given = {"match_color": False, "segment_num_inference_steps": 3, "continuation": "window"}
    made = [clips_of("prompts: [x]", rules=rules, **own) for rules, own in ((SHORT, {}), (LONG, {}), (LONG, given))]
    ids = {one.clips[0].id for one in made}
    assert len(ids) == 1


@st.composite
def rules_of_long_clips(draw: st.DrawFn) -> ShapeRules:
    step, offset = draw(st.sampled_from([(1, 0), (4, 1), (8, 1), (16, 1)]))
    most = (offset or step) + step * draw(st.integers(1, 20))
    return ShapeRules(
        frames_step=step,
        frames_offset=offset,
        max_num_frames=most + draw(st.integers(0, step - 1)),
        continuations=(draw(st.sampled_from(["image", "window"])),),
        segment_num_frames=draw(st.none() | st.integers((offset or step) + step, most)),
        min_segment_num_frames=draw(st.none() | st.integers(1, most)),
        window_overlap_num_frames=draw(st.none() | st.integers(1, 2 * most)),
    )


def plain(num_frames: int, how: Continuation | None) -> Clip:
    return Clip(
        id="x", prompt="x", negative_prompt="", seed=0, width=64, height=64, num_frames=num_frames, fps=8.0,
        num_inference_steps=20, guidance_scale=3.0, model="m", continuation=how,
    )  # fmt: skip


def fit(shots: tuple[int, ...], rules: ShapeRules) -> Continuation | None:
    return fit_continuation(shots, rules, reference=rules.largest_num_frames, num_inference_steps=20, match_color=True)


@given(rules_of_long_clips(), st.integers(1, 1000))
def test_whatever_the_model_its_segments_can_be_made(rules: ShapeRules, num_frames: int) -> None:
    how = fit((num_frames,), rules)
    if num_frames <= rules.largest_num_frames:
        assert how is None
        return
    assert rules.allows_num_frames(how.segment_num_frames)
    assert 1 <= how.min_segment_num_frames <= how.segment_num_frames
    assert 1 <= how.overlap_num_frames < how.segment_num_frames
    if how.method == "window":
        assert how.overlap_num_frames % rules.frames_step == 0
    segments = segments_of(plain(num_frames, how))
    assert sum(one.stop - one.start for one in segments) == num_frames
    assert all(rules.allows_num_frames(one.clip.num_frames) for one in segments)


def test_a_stand_in_goes_on_as_it_can() -> None:
    found = fit((20, 30), FRAMES)
    assert (found.method, found.segment_num_frames, found.overlap_num_frames) == ("frames", 81, 5)
    assert (found.num_inference_steps, found.match_color) == (15, True)
    assert fit((81,), FRAMES) is None and fit((82,), FRAMES) == found
    assert fit((20, 30), SHORT) is None and fit((80,), SHORT) is None
