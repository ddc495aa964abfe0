"""Long clips in windows: one window is the stock pipeline's bits; of more, the denoiser sees one at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.driven import assert_resumes, drive
from tests.models.long_clips import LTX, SETUPS, VIDEO, denoisers, spied
from tests.models.pairs import Pair
from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.windows.blend import OVERLAP_WEIGHT, blend_weights, window_starts, windowed_forward
from vgpipe.models.windows.window_cuts import Span, WindowCuts

# The windows themselves.


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 19))
def test_windows_cover_a_clip_and_weights_add_up_to_one(total, length, overlap):
    if overlap >= length < total:
        with pytest.raises(ModelError, match=f"windows of {length} latent frames share {overlap} -> "):
            window_starts(total, length, overlap)
        return
    starts = window_starts(total, length, overlap)
    length = min(length, total)
    assert starts[0] == 0 and starts[-1] + length == total
    assert all(0 < after - before <= length - overlap for before, after in pairwise(starts))
    weights = blend_weights(starts, length, total)
    sums = torch.zeros(total)
    for start, one in zip(starts, weights, strict=True):
        assert one.shape == (length,) and (one > 0).all()
        sums[start : start + length] += one
    assert torch.allclose(sums, torch.ones(total))


def test_the_earlier_window_counts_more_where_two_overlap():
    first, second = blend_weights((0, 3), 5, 8)
    assert first[:3].tolist() == [1, 1, 1] and second[2:].tolist() == [1, 1, 1]
    risen = [OVERLAP_WEIGHT * ramp / (1 + OVERLAP_WEIGHT * ramp) for ramp in (1 / 3, 2 / 3)]
    assert second[:2].tolist() == pytest.approx(risen) and first[3:].tolist() == pytest.approx([1 - x for x in risen])


def test_a_clip_no_longer_than_a_window_is_one():
    assert window_starts(4, 4, 9) == window_starts(3, 4, 1) == (0,)
    assert blend_weights((0,), 4, 3)[0].tolist() == [1, 1, 1]


class _Doubler(torch.nn.Module):
    """Doubles its sample, and takes a hook off itself in its first call."""

    def forward(self, sample: torch.Tensor, step: int = 0, return_dict: bool = True) -> tuple[torch.Tensor]:
        return (sample * 2,)


SPANS = tuple(Span(start, 3, 7) for start in window_starts(7, 3, 1))


def test_what_the_windows_agree_on_is_the_prediction_in_the_models_precision():
    module, sample = _Doubler(), torch.randn(1, 2, 7, 2, 2).to(torch.bfloat16)
    with windowed_forward([module], WindowCuts("sample", 2), SPANS):
        (blended,) = module(sample, 1)
    assert blended.dtype == torch.bfloat16 and torch.equal(blended, sample * 2)


def test_a_hook_that_takes_itself_off_meanwhile_leaves_the_windows_in_place():
    """As the one of diffusers' offloading with streams, which puts back the `forward` that it found."""
    module, calls = _Doubler(), []
    own = module.forward

    def hooked(*args: Any, **kwargs: Any) -> Any:
        calls.append("hooked")
        module.forward = lambda *args, **kwargs: calls.append("plain") or own(*args, **kwargs)
        return own(*args, **kwargs)

    module.forward = hooked
    with windowed_forward([module], WindowCuts("sample", 2), SPANS):
        module(torch.ones(1, 2, 7, 2, 2))
        module(torch.ones(1, 2, 7, 2, 2))
    assert calls == ["hooked"] + ["plain"] * 5
    calls.clear()
    module(torch.ones(1, 2, 7, 2, 2))
    assert calls == ["plain"]


def test_a_sample_of_another_length_than_the_clips_is_refused():
    module = _Doubler()
    with (
        windowed_forward([module], WindowCuts("sample", 2), SPANS),
        pytest.raises(ModelError, match="given 8 entries where the clip has 7 latent frames"),
    ):
        module(torch.ones(1, 2, 8, 2, 2))


# Every family.

POSITIONS = {"image_rotary_emb", "video_coords", "num_frames", "rope_interpolation_scale", "visual_rope_pos"}


def test_one_window_gives_the_bits_of_the_clip_at_once(long_clip):
    """Which are the stock pipeline's, as the tests of each family prove."""
    setup, driven = long_clip
    short = replace(setup.case, num_frames=setup.case.window[0])
    at_once, request = driven.latents(replace(short, window=None))
    latents, again = driven.latents(short)
    assert torch.equal(latents, at_once)
    assert torch.equal(again.generator.get_state(), request.generator.get_state())


@pytest.mark.parametrize(
    "name", ["wan", "wan-ti2v", "wan-experts", "vace", "cogvideox-2b", "cogvideox-5b", "cogvideox-1.5", "ltx",
             "ltx-condition", "ms"],
)  # fmt: skip
def test_one_window_gives_the_stock_pipelines_bits(built, opened, name):
    from diffusers import DiffusionPipeline

    setup = SETUPS[name]
    stock = DiffusionPipeline.from_pretrained(built(setup.option), torch_dtype=torch.float32)
    same = {"max_sequence_length": setup.settings.max_sequence_length, "frame_rate": setup.case.fps}
    short = replace(setup.case, num_frames=setup.case.window[0])
    expected = Pair(opened(name), stock, same).stock(short, "latent")
    assert torch.equal(opened(name).latents(short)[0], expected)


def test_the_denoiser_sees_no_more_than_a_window(long_clip):
    setup, driven = long_clip
    with spied(denoisers(driven, setup.case)) as calls:
        latents, _ = driven.latents(setup.case)
    assert torch.isfinite(latents).all()
    stacked = latents.shape[driven.family.frames_axis if latents.ndim == 5 else 1]
    tokens = setup.seen // 3 if latents.ndim == 3 else 1
    assert (latents.shape[2] if setup.family == "ltx_condition" else stacked) == setup.latent_frames * tokens
    sample = driven.family.window_cuts.sample
    assert {call[sample].shape[setup.axis] for call in calls} == {setup.seen}
    assert {call["output"].shape[setup.axis] for call in calls} == {setup.seen}
    assert calls and len(calls) % len(setup.starts) == 0


def test_every_window_is_told_what_a_clip_of_its_length_is(long_clip):
    """Positions, counts and repeated texts; what goes with the frames is each window's own."""
    setup, driven = long_clip
    modules = denoisers(driven, setup.case)
    short = replace(setup.case, num_frames=setup.case.window[0], window=None)
    with spied(modules) as expected:
        driven.latents(short)
    with spied(modules) as calls:
        driven.latents(setup.case)
    first, texts = expected[0], expected[:2]  # the prompt's, and the negative one's, whose length may be another
    for call in calls:
        assert call.keys() == first.keys()
        for name in call.keys() - {"output"}:
            assert shape_of(call[name]) in [shape_of(one[name]) for one in texts], name
    for name in first.keys() & POSITIONS:
        assert all(values_of(call[name]) == values_of(first[name]) for call in calls), name


def shape_of(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(shape_of, value))
    return value.shape if isinstance(value, torch.Tensor) else value


def values_of(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(values_of, value))
    return value.tolist() if isinstance(value, torch.Tensor) else value


def test_given_frames_are_clean_in_the_first_window_alone(opened):
    for name in ("wan-ti2v-image", "ltx-image", "ltx-condition-frames"):
        setup = SETUPS[name]
        with spied(denoisers(opened(name), setup.case)) as calls:
            opened(name).latents(setup.case)
        clean = [bool((call["timestep"] == 0).any()) for call in calls]
        assert any(clean) and not all(clean)
        assert sum(clean) == sum(call["timestep"].min() == 0 for call in calls)


@pytest.mark.parametrize(
    "name", ["wan", "wan-ti2v-image", "wan-experts", "cogvideox-5b", "cogvideox-1.5", "ltx", "ltx-condition-frames",
             "hunyuan-1.5", "ms"],
)  # fmt: skip
def test_going_on_in_the_middle_gives_the_same_bits(opened, name):
    case = replace(SETUPS[name].case, shots=((SETUPS[name].case.num_frames // 2, "circle"),))
    assert_resumes(opened(name), case, [1, 3])


# Leaving no trace.


def test_forward_is_the_modules_own_again(opened):
    (module,) = denoisers(opened("wan"), VIDEO)
    opened("wan").latents(replace(VIDEO, shots=((20, "circle"),)))
    assert "forward" not in vars(module)
    own = module.forward = type(module).forward.__get__(module)
    try:
        opened("wan").latents(VIDEO)
        assert module.forward is own
    finally:
        del module.forward


@pytest.mark.parametrize("name", ["wan", "wan-experts", "animatediff"])
def test_forward_is_the_modules_own_after_a_failure(opened, name):
    case = SETUPS[name].case
    modules, left = denoisers(opened(name), case), [2]

    def failing(module: Any):
        def forward(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise MemoryError
            return type(module).forward(module, *args, **kwargs)

        return forward

    own = [failing(module) for module in modules]
    for module, forward in zip(modules, own, strict=True):
        module.forward = forward
    try:
        with pytest.raises(MemoryError):
            opened(name).latents(case)
        assert [module.forward for module in modules] == own
    finally:
        for module in modules:
            del module.forward


def test_hooks_of_offloading_stay_where_they_are(opened):
    from accelerate import cpu_offload_with_hook
    from accelerate.hooks import remove_hook_from_module

    (module,) = denoisers(opened("wan"), VIDEO)
    expected, _ = opened("wan").latents(VIDEO)
    cpu_offload_with_hook(module, "cpu")
    try:
        hooked = module.forward
        assert torch.equal(opened("wan").latents(VIDEO)[0], expected)
        assert module.forward is hooked
    finally:
        remove_hook_from_module(module)


@pytest.mark.parametrize("name", ["generic", "generic_whole"])
def test_a_pipeline_without_a_family_makes_none_in_windows(built, name):
    driven = drive(name, built("generic"), Settings(max_sequence_length=16))
    assert driven.family.continuations == ()
    with pytest.raises(ModelError, match="MochiPipeline makes no long clips in windows -> leave continuation out"):
        driven.latents(replace(VIDEO, num_frames=13, window=(7, 6)))


def test_every_family_says_how_it_goes_on(opened):
    ways = {setup.family: opened(name).family.continuations for name, setup in SETUPS.items()}
    assert ways == {
        "wan": ("image", "window"),
        "wan_vace": ("frames", "image", "window"),
        "cogvideox": ("image", "window"),
        "hunyuan_video_15": ("image", "window"),
        "ltx": ("image", "window"),
        "ltx_condition": ("frames", "image", "window"),
        **dict.fromkeys(
            ("anyflow", "hunyuan_video", "kandinsky5", "sana_video", "text_to_video_sd", "animatediff"), ("window",)
        ),
    }


def test_the_noise_levels_of_ltx_are_those_of_a_window(opened):
    ltx, seen = opened("ltx"), ([], [])
    ltx.latents(LTX, spy=seen[0])
    ltx.latents(replace(LTX, num_frames=LTX.window[0], window=None), spy=seen[1])
    assert torch.equal(*(one[0][2]["sigmas"] for one in seen))
