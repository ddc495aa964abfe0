"""What a plan counts of a clip of which not all steps are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.job.test_segments import PLAIN, by
from vgpipe.clips.halving import Expected
from vgpipe.job.segments import segments_of
from vgpipe.plans.parts import ALL, Steps, judged_steps, parts_of


def steps(parts):
    return [(part.clip.num_inference_steps, part.of_steps, part.is_draft) for part in parts]


def test_a_short_clip_is_its_draft_and_what_the_draft_leaves():
    assert steps(parts_of(PLAIN, ALL)) == [(20, None, False)]
    assert steps(parts_of(PLAIN, Steps(stop=8))) == [(8, 20, True)]
    assert steps(parts_of(PLAIN, Steps(done=8))) == [(12, 20, False)]
    assert steps(parts_of(PLAIN, Steps(done=4, stop=8))) == [(4, 20, True)]


def test_a_clip_that_competes_is_decoded_each_time_it_is_judged():
    kept, left = Expected((4, 8), is_finished=True), Expected((4, 8), is_finished=False)
    assert steps(parts_of(PLAIN, judged_steps(kept))) == [(4, 20, True), (4, 20, True), (12, 20, False)]
    assert steps(parts_of(PLAIN, judged_steps(left))) == [(4, 20, True), (4, 20, True)]
    assert steps(parts_of(PLAIN, judged_steps(left, done=5))) == [(3, 20, True)]
    assert steps(parts_of(PLAIN, judged_steps(kept, done=12))) == [(8, 20, False)]


def test_the_draft_of_a_chain_is_its_first_segment():
    clip = replace(PLAIN, num_frames=80, continuation=by("frames"))
    later = [(segment.planned.num_inference_steps, None, False) for segment in segments_of(clip)[1:]]
    assert steps(parts_of(clip, Steps(stop=8))) == [(8, 20, True)]
    assert steps(parts_of(clip, Steps(done=8))) == [(12, 20, False), *later]


def test_the_draft_of_a_trajectory_denoises_all_its_windows():
    clip = replace(PLAIN, num_frames=80, continuation=by("window"))
    whole = sum(part.clip.num_inference_steps for part in parts_of(clip, ALL))
    (draft,) = parts_of(clip, Steps(stop=10))
    left = parts_of(clip, Steps(done=10))
    assert draft.clip.num_inference_steps == pytest.approx(whole / 2, rel=0.05)
    assert sum(part.clip.num_inference_steps for part in left) == pytest.approx(whole / 2, rel=0.05)
    assert len(left) == len(segments_of(clip))
