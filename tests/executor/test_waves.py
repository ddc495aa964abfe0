from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.waves import UNMEASURED_WAVE, canaries, startable, wave_size, waves
from vgpipe.job.clip import Clip


def state(index: int, width: int = 32) -> ClipState:
    clip = Clip(
        id=f"c{index}", prompt="a", negative_prompt="", seed=index, width=width, height=32, num_frames=5, fps=8.0,
        num_inference_steps=20, guidance_scale=3.0, model="shapes",
    )  # fmt: skip
    return ClipState(clip, [None])


class NoKeys:
    """Gives canaries no keys."""

    def new_canary(self, clip: Clip, represents_steps: int) -> CanaryState:
        return CanaryState(clip, [None], represents_steps=represents_steps)


@given(st.floats(0.01, 1000), st.floats(0.001, 1000), st.floats(0.01, 0.5))
def test_loading_costs_at_most_its_share_and_a_smaller_wave_would_not_do(load_s, clip_s, share):
    size = wave_size(load_s, clip_s, share)
    assert load_s <= share * (load_s + size * clip_s) * (1 + 1e-9)
    assert size == 1 or load_s > share * (load_s + (size - 1) * clip_s) * (1 - 1e-9)


def test_what_stays_loaded_needs_no_large_waves():
    assert wave_size(0.0, 5.0, 0.03) == 1
    assert wave_size(5.0, None, 0.03) == UNMEASURED_WAVE


@given(st.lists(st.integers(1, 7), min_size=1), st.integers(0, 40))
def test_waves_hold_every_clip_once_in_order(sizes, count):
    pending = [state(index) for index in range(count)]
    turn = iter(sizes * 50)
    cut = list(waves(pending, lambda: next(turn)))
    assert [item for wave in cut for item in wave] == pending
    assert [len(wave) for wave in cut[:-1]] == (sizes * 50)[: max(0, len(cut) - 1)]


def test_one_canary_for_each_shape_that_two_clips_share():
    pending = [state(0), state(1), state(2, width=64), state(3, width=48), state(4, width=48)]
    found = canaries(startable(pending), 2, NoKeys())
    assert [(item.clip.width, item.clip.num_inference_steps) for item in found] == [(32, 2), (48, 2)]
    assert all(item.is_canary and item.represents_steps == 20 for item in found)


@pytest.mark.parametrize("steps", [1, 50])
def test_a_canary_never_takes_more_steps_than_the_clip(steps):
    assert canaries(startable([state(0), state(1)]), steps, NoKeys())[0].clip.num_inference_steps == min(steps, 20)
