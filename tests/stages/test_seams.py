"""Joining a segment to the previous one, and keeping its last frames."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vgpipe.stages import seams
from vgpipe.stages.seams import MAX_GAIN, Seam, color_match, join_segment
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

FRAMES = arrays(np.uint8, (4, 3, 5, 3))


def picture(mean, spread, count=2, seed=0):
    """Frames whose channels have about this mean and spread, far from the ends of the scale."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (count, 24, 32, 3)) * np.sqrt(3)
    return np.rint(np.array(mean) + np.array(spread) * noise).astype(np.uint8)


def moments(frames_NHWC):
    return frames_NHWC.mean((0, 1, 2)), frames_NHWC.std((0, 1, 2))


def assert_joined(frames_THWC, seam):
    """Joins, and proves that what was given is as it was."""
    before = frames_THWC.copy()
    result, facts = join_segment(frames_THWC, seam)
    assert np.array_equal(frames_THWC, before)
    assert result.dtype == np.uint8 and result.shape == frames_THWC.shape
    return result, facts


def test_a_match_has_the_mean_and_the_spread_of_what_it_is_matched_to():
    target = picture((130, 90, 110), (20, 22, 18))
    source = picture((120, 110, 100), (19, 20, 22), count=9, seed=1)
    matched, _ = assert_joined(source, Seam(target, match_color=True, blend=0))
    for got, wanted in zip(moments(matched[:2]), moments(target), strict=True):
        assert got == pytest.approx(wanted, abs=0.6)


def test_all_frames_are_changed_alike():
    target, source = picture((140, 90, 100), 20), picture((120, 110, 100), 18, count=9, seed=1)
    gain_C, offset_C = color_match(source[:2], target)
    matched, _ = assert_joined(source, Seam(target, match_color=True, blend=0))
    assert np.abs(matched - (source * gain_C + offset_C)).max() <= 0.5 + 1e-9


@settings(deadline=None)
@given(FRAMES)
def test_equal_frames_change_no_bit(frames):
    matched, facts = assert_joined(frames, Seam(frames[:2], match_color=True, blend=0))
    assert np.array_equal(matched, frames)
    assert facts == {"gain": [1, 1, 1], "offset": [0, 0, 0]}


@pytest.mark.parametrize("is_source_flat", [True, False])
def test_flat_frames_are_only_shifted(is_source_flat):
    flat, varied = np.full((2, 24, 32, 3), (100, 90, 80), np.uint8), picture((120, 90, 60), 20)
    source, target = (flat, varied) if is_source_flat else (varied, flat)
    gain_C, offset_C = color_match(source, target)
    assert gain_C.tolist() == [1, 1, 1]
    assert offset_C == pytest.approx(target.mean((0, 1, 2)) - source.mean((0, 1, 2)))


@pytest.mark.parametrize(("spread", "wanted", "gain"), [(10, 40, MAX_GAIN), (40, 10, 1 / MAX_GAIN), (20, 22, 1.1)])
def test_a_gain_is_held_within_bounds_and_the_mean_is_right_all_the_same(spread, wanted, gain):
    source, target = picture((120, 120, 120), spread, seed=1), picture((130, 110, 120), wanted)
    gain_C, offset_C = color_match(source, target)
    assert gain_C == pytest.approx([gain] * 3, rel=0.05)
    assert source.mean((0, 1, 2)) * gain_C + offset_C == pytest.approx(target.mean((0, 1, 2)))


@settings(deadline=None)
@given(FRAMES, FRAMES)
def test_any_frames_can_be_matched(source, target):
    gain_C, offset_C = color_match(source, target)
    assert ((gain_C >= 1 / MAX_GAIN) & (gain_C <= MAX_GAIN)).all() and np.isfinite(offset_C).all()
    assert_joined(source, Seam(target, match_color=True, blend=len(target)))


def test_levels_beyond_the_scale_are_cut_off_and_do_not_wrap():
    source = np.zeros((3, 4, 4, 3), np.uint8)
    source[:, ::2] = 200
    target = np.clip(source[:1].astype(int) + 100, 0, 255).astype(np.uint8)
    matched, _ = assert_joined(source, Seam(target, match_color=True, blend=0))
    assert (matched[:, ::2] >= matched[:, 1::2]).all() and matched[:, ::2].min() >= 200


def test_what_was_done_to_the_colours_can_be_recorded():
    source, target = picture((120, 110, 100), 20, count=5), picture((130, 105, 100), 22, seed=1)
    _, facts = join_segment(source, Seam(target, match_color=True, blend=0))
    gain_C, offset_C = color_match(source[:2], target)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["gain"] == pytest.approx(gain_C, abs=1e-4) and facts["offset"] == pytest.approx(offset_C, abs=1e-3)


def test_frames_that_are_not_matched_are_left_alone():
    source = picture((120, 110, 100), 20, count=5)
    left, facts = assert_joined(source, Seam(picture((90, 90, 90), 9), match_color=False, blend=0))
    assert left is source and facts == {}


@settings(deadline=None)
@given(FRAMES, FRAMES, st.integers(1, 4))
def test_a_blend_lies_between_the_two_and_touches_nothing_else(before, after, count):
    mixed, _ = assert_joined(after, Seam(before[-count:], match_color=False, blend=count))
    low, high = np.minimum(before[-count:], after[:count]), np.maximum(before[-count:], after[:count])
    assert ((mixed[:count] >= low) & (mixed[:count] <= high)).all()
    assert np.array_equal(mixed[count:], after[count:])


@pytest.mark.parametrize(("before", "after"), [(0, 200), (200, 0)])
@pytest.mark.parametrize("count", [1, 5, 9])
def test_a_blend_fades_evenly_from_one_to_the_other(before, after, count):
    frames = np.full((count + 3, 2, 2, 3), after, np.uint8)
    mixed, _ = assert_joined(frames, Seam(np.full((count, 2, 2, 3), before, np.uint8), match_color=False, blend=count))
    levels = [before, *(int(frame[0, 0, 0]) for frame in mixed[: count + 1])]
    steps = np.diff(levels) * np.sign(after - before)
    assert levels[-1] == after and np.abs(steps - 200 / (count + 1)).max() <= 1


@settings(deadline=None)
@given(FRAMES)
def test_a_blend_of_equal_frames_changes_no_bit(frames):
    mixed, _ = assert_joined(frames, Seam(frames, match_color=False, blend=4))
    assert np.array_equal(mixed, frames)


def test_colours_are_matched_before_the_blend():
    scene = picture((120, 110, 100), 20, count=6)
    mixed, facts = assert_joined(scene - np.uint8(10), Seam(scene[:4], match_color=True, blend=4))
    assert np.array_equal(mixed, scene) and facts["offset"] == [10, 10, 10]


# Tails: the last frames of a segment, in the store.

TAIL_KEY = Key("tail", {"frames": "0", "first": 12, "stop": 17})
TAIL_FRAMES = np.random.default_rng(0).integers(0, 256, (17, 6, 8, 3), dtype="uint8")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_tail_comes_back_bit_for_bit(store):
    made = seams.write_tail(store, TAIL_KEY, TAIL_FRAMES[12:17])
    found = Store(store.root).find(TAIL_KEY)
    assert made.folder == found.folder
    read = seams.read_tail(found)
    assert read.dtype == np.uint8 and np.array_equal(read, TAIL_FRAMES[12:17])


def test_a_tail_outlives_the_frames_that_it_was_taken_from(store):
    with store.create(Key("decode", {})) as draft:
        np.save(draft.path("frames.npy"), TAIL_FRAMES)
    frames = store.find(Key("decode", {}))
    seams.write_tail(store, TAIL_KEY, np.load(frames.path("frames.npy"), mmap_mode="r")[12:17])
    store.discard(frames.key)
    assert np.array_equal(seams.read_tail(store.find(TAIL_KEY)), TAIL_FRAMES[12:17])


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_tail_is_set_aside_and_made_again(store, caplog, damage):
    path = seams.write_tail(store, TAIL_KEY, TAIL_FRAMES[12:17]).path(seams.TAIL_FILE)
    path.write_bytes(damage(path.read_bytes()))
    fresh = Store(store.root)
    assert fresh.find(TAIL_KEY) is None
    assert "set aside" in caplog.text and list(fresh.folder(TAIL_KEY).parent.glob("bad-*"))
    seams.write_tail(fresh, TAIL_KEY, TAIL_FRAMES[12:17])
    assert np.array_equal(seams.read_tail(Store(store.root).find(TAIL_KEY)), TAIL_FRAMES[12:17])
