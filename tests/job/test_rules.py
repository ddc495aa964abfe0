"""What sizes and frame counts a model can make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.rules import ShapeRules, duration_fault, shape_faults

RULES = ShapeRules()
ANY_RULES = st.builds(
    ShapeRules,
    side_multiple=st.integers(1, 32),
    min_side=st.integers(1, 100),
    max_side=st.integers(200, 2000),
    frames_step=st.integers(1, 9),
    frames_offset=st.integers(0, 9),
    max_num_frames=st.integers(20, 200),
    min_num_frames=st.integers(1, 10),
)


@pytest.mark.parametrize(("side", "nearest"), [(60, 64), (1, 32), (72, 80), (71, 64), (5000, 1280), (64, 64)])
def test_nearest_side(side: int, nearest: int) -> None:
    assert RULES.nearest_side(side) == nearest


@pytest.mark.parametrize(("count", "nearest"), [(16, 17), (1, 1), (15, 17), (14, 13), (500, 81), (81, 81)])
def test_nearest_num_frames(count: int, nearest: int) -> None:
    assert RULES.nearest_num_frames(count) == nearest


@pytest.mark.parametrize(
    ("seconds", "fps", "count"), [(2, 8, 17), (1, 8, 9), (0.01, 8, 1), (2.125, 8, 17), (60, 16, 961)]
)
def test_num_frames_for_seconds(seconds: float, fps: float, count: int) -> None:
    assert RULES.num_frames_for(seconds, fps) == count


@given(ANY_RULES, st.integers(-10, 5000))
def test_the_nearest_can_be_made_and_nothing_nearer_can(rules: ShapeRules, wanted: int) -> None:
    side, count = rules.nearest_side(wanted), rules.nearest_num_frames(wanted)
    assert rules.allows_side(side)
    assert rules.allows_num_frames(count)
    if wanted > 0:
        assert not any(map(rules.allows_side, _nearer(wanted, side)))
        assert not any(map(rules.allows_num_frames, _nearer(wanted, count)))


@given(ANY_RULES, st.floats(0.01, 20), st.floats(1, 60))
def test_the_count_for_a_duration_is_the_smallest(rules: ShapeRules, seconds: float, fps: float) -> None:
    count, wanted = rules.num_frames_for(seconds, fps), round(seconds * fps)
    assert count >= wanted
    assert (count - rules.frames_offset) % rules.frames_step == 0
    assert count - rules.frames_step < max(wanted, 1)


LONG = ShapeRules(frames_step=17, frames_offset=5, min_num_frames=120, max_num_frames=345, fps=24)


def test_a_model_with_fewest_frames_and_one_rate() -> None:
    assert LONG.describe_num_frames() == "124, 141, 158, ... 345 frames"
    (fault,) = shape_faults({"num_frames": 107, "fps": 24}, LONG)
    assert fault.field == "num_frames" and fault.remedy == "the nearest is num_frames: 124"
    (fault,) = shape_faults({"num_frames": 124, "fps": 25.5}, LONG)
    assert (fault.field, fault.remedy) == ("fps", "fps: 24") and "fps is 25.5; the model makes 24 alone" in fault.what
    short, long = duration_fault(3, 24, LONG), duration_fault(20, 24, LONG)
    assert short is not None and "at least seconds: 5.17" in short.remedy
    assert long is not None and "at most seconds: 14.375" in long.remedy and duration_fault(5, 24, LONG) is None


def test_words() -> None:
    assert RULES.describe_sides() == "multiples of 16 from 32 to 1280"
    assert RULES.describe_num_frames() == "1, 5, 9, ... 81 frames"
    assert ShapeRules(frames_step=1).describe_num_frames() == "1 to 81 frames"


def _nearer(wanted: int, found: int) -> range:
    distance = abs(wanted - found)
    return range(wanted - distance + 1, wanted + distance)
