from __future__ import annotations

from dataclasses import replace

import pytest

from tests.clips.test_clip_record import PLAIN
from tests.clips.test_clip_state import LONG
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.piece_sizes import ALIKE, piece_sizes
from vgpipe.job.segments import segments_of


def test_pixels_frames_and_steps_count_relative_to_the_mean():
    small = replace(PLAIN, id="small", num_inference_steps=10)
    large = replace(PLAIN, id="large", num_inference_steps=30, width=2 * PLAIN.width)
    sizes = piece_sizes([ClipState(clip, [None]) for clip in (small, large)])
    assert (sizes.of("denoise", "small"), sizes.of("denoise", "large")) == (pytest.approx(2 / 7), pytest.approx(12 / 7))
    assert sizes.of("export", "large") == pytest.approx(4 / 3) and sizes.of("encode", "text 0123") == 1.0


def test_a_canary_has_the_size_of_what_it_represents():
    few = CanaryState(replace(PLAIN, id="canary", num_inference_steps=1), [None], represents_steps=30)
    clips = [ClipState(replace(PLAIN, id=f"{steps}", num_inference_steps=steps), [None]) for steps in (30, 10)]
    sizes = piece_sizes(clips, [few])
    assert sizes.of("denoise", "canary") == sizes.of("denoise", "30") == pytest.approx(1.5)


def test_a_long_clip_has_the_mean_size_of_its_segments():
    long = ClipState(LONG, [None] * len(segments_of(LONG)))
    sizes = piece_sizes([long])
    found = [sizes.of("denoise", one.clip.id) for one in long.segments]
    assert len(found) > 1 and sizes.of("denoise", long.id) == pytest.approx(sum(found) / len(found)) == pytest.approx(1)


def test_what_is_unknown_is_a_mean_piece():
    assert piece_sizes([]).of("denoise", "x") == ALIKE.of("decode", "x") == 1.0


def test_a_draft_has_the_size_of_its_steps():
    clips = [replace(PLAIN, id=f"{draft}", num_inference_steps=10) for draft in (None, 2)]
    sizes = piece_sizes([ClipState(clips[0], [None]), ClipState(clips[1], [None], draft=2)])
    assert sizes.of("denoise", "2") == pytest.approx(sizes.of("denoise", "None") / 5)
    assert sizes.of("decode", "2") == sizes.of("decode", "None") == 1.0
