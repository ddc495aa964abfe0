"""How long a clip is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vgpipe.job.clip import Clip
from vgpipe.job.rules import ShapeRules
from vgpipe.job.segments import segments_of

SHORT = ShapeRules(max_side=256, max_num_frames=17)
LONG = replace(SHORT, continuations=("image", "window"))


@pytest.fixture
def clip_of(clips_of):
    """Gives the one clip of settings, of a model that can go on."""

    def found(rules: ShapeRules = LONG, **given: object) -> Clip:
        (clip,) = clips_of("prompts: [x]", rules=rules, **given).clips
        return clip

    return found


@pytest.mark.parametrize(
    ("seconds", "fps", "count"),
    [(10, 8, 80), (7.3, 8, 58), (100, 24, 2400), (3, 23.976, 72), (0.3, 240, 72), (60, 0.5, 30), (2.2, 8, 18)],
)
def test_a_long_clip_lasts_exactly_what_was_asked_for(clip_of, seconds: float, fps: float, count: int) -> None:
    clip = clip_of(seconds=seconds, fps=fps)
    assert clip.num_frames == count and clip.continuation is not None
    assert sum(one.stop - one.start for one in segments_of(clip)) == count


@pytest.mark.parametrize(("seconds", "count"), [(2, 17), (2.125, 17), (2.18, 17), (1, 9), (0.01, 1)])
def test_a_short_clip_has_the_next_count_that_the_model_makes(clip_of, seconds: float, count: int) -> None:
    for rules in (SHORT, LONG) if seconds < 2.18 else (LONG,):
        clip = clip_of(rules, seconds=seconds)
        assert clip.num_frames == count and clip.continuation is None


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.01, 200), st.sampled_from([0.1, 8, 16, 23.976, 24, 25, 30, 240]))
def test_any_duration_has_its_frames(clip_of, seconds: float, fps: float) -> None:
    clip, wanted = clip_of(seconds=seconds, fps=fps), round(seconds * fps)
    if wanted > 17:
        assert clip.num_frames == wanted and clip.continuation is not None
    else:
        assert clip.num_frames == LONG.num_frames_for(seconds, fps) and clip.continuation is None


def test_a_long_clip_may_have_any_number_of_frames(clip_of) -> None:
    assert [clip_of(num_frames=count).num_frames for count in (18, 19, 80, 81, 1000)] == [18, 19, 80, 81, 1000]
    assert clip_of(num_frames=16, segment_num_frames=13).num_frames == 16


def test_a_short_clip_is_on_the_models_step(faults_of) -> None:
    (fault,) = faults_of("prompts: [x]", rules=LONG, num_frames=16)
    assert fault.startswith("clip.num_frames: num_frames is 16; the model makes 1, 5, 9, ... 17 frames -> ")


def test_other_faults_do_not_make_a_long_clip_one(faults_of) -> None:
    (fault,) = faults_of("prompts:\n- {prompt: x, num_frames: 80, sed: 1}\n", rules=LONG)
    assert 'unknown key "sed"' in fault


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seconds": 86_400, "fps": 240}, "clip.seconds: seconds makes 20,736,000 frames; at most 10,000,000 are"),
    ],
)
@pytest.mark.parametrize("rules", [SHORT, LONG], ids=["at once", "long"])
def test_no_clip_lasts_for_ever(faults_of, rules: ShapeRules, given, words: str) -> None:
    (fault,) = faults_of("prompts: [x]", rules=rules, **given)
    assert fault.startswith(words) and fault.endswith("-> make it shorter")


@pytest.mark.parametrize(
    "content",
    [
        "prompts: [{prompt: x, num_frames: 9000000}]",
        "prompts: [{prompt: x, num_frames: 90000, seeds: [" + ",".join(map(str, range(100))) + "]}]",
        "prompts: [{prompt: '{a}', num_frames: 90000, matrix: {a: [" + ",".join(f"v{n}" for n in range(100)) + "]}}]",
    ],
    ids=["one", "seeds", "matrix"],
)
def test_more_segments_than_memory_holds_are_refused_first(faults_of, content: str) -> None:
    (fault,) = faults_of(content, rules=LONG)
    assert fault.startswith("a.yaml:1: clips up to here have 562,500 segments; at most 200,000 are allowed -> ")


def test_a_job_may_have_short_and_long_clips(clips_of) -> None:
    content = "defaults: {seconds: 10}\nprompts: [x, {prompt: y, seconds: 1}, {prompt: z, num_frames: 17}]\n"
    clips = clips_of(content, rules=LONG).clips
    assert [(clip.num_frames, clip.continuation is None) for clip in clips] == [(80, False), (9, True), (17, True)]


@pytest.mark.parametrize("rules", [SHORT, LONG], ids=["at once", "long"])
def test_no_clip_has_more_frames_than_the_largest_count(faults_of, rules: ShapeRules) -> None:
    (fault,) = faults_of("prompts: [x]", rules=rules, num_frames=2**31)
    assert fault.startswith("clip.num_frames: num_frames is 2147483648; allowed: a whole number from 1")
    assert fault.endswith("-> must be at most 10,000,000")
