"""AnimateDiff: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.models.driven import Case, Driven, assert_renders_and_reuses, assert_resumes, drive
from tests.models.pairs import Pair, settings_of
from tests.tiny import build
from vgpipe.errors import ConfigError, ModelError
from vgpipe.models.open import Origin
from vgpipe.models.weights.load_component import load_component

OPTION = "animatediff_sd15"
GUIDED = Case("blue square moving left", "red", 7, 7.5, width=40, height=24, num_frames=5)
CASES = [
    Case("a small red circle", width=32, height=32, num_frames=4),
    GUIDED,
    Case("circle", "", 1234567, 1.0, width=32, height=16, num_frames=3),
    # More than the 16 frames that the decoder takes at once.
    Case("a large square", "blue", 3, 7.5, width=16, height=16, num_frames=18),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build(OPTION, tmp_path_factory.mktemp(OPTION))


def family_on(folder: Path, **changes: object) -> Driven:
    others = {"motion_adapter": Origin(str(folder / "adapter"))}
    return drive("animatediff", folder, settings_of(OPTION, **changes), others)


def pair(folder: Path, dtype: str = "float32") -> Pair:
    """The stock pipeline as diffusers' AnimateDiff docs put it together."""
    from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter

    adapter = MotionAdapter.from_pretrained(folder / "adapter", torch_dtype=getattr(torch, dtype))
    stock = AnimateDiffPipeline.from_pretrained(folder, motion_adapter=adapter, torch_dtype=getattr(torch, dtype))
    stock.scheduler = DDIMScheduler.from_pretrained(
        folder, subfolder="scheduler", clip_sample=False, timestep_spacing="linspace", beta_schedule="linear",
        steps_offset=1,
    )  # fmt: skip
    return Pair(family_on(folder, dtype=dtype), stock)


@pytest.fixture(scope="module")
def plain(folder) -> Pair:
    return pair(folder)


@pytest.mark.parametrize("case", CASES, ids=["square", "guided", "unguided", "longer"])
def test_latents_and_frames_equal_the_stock_pipelines(plain, case):
    plain.assert_equal(case)


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"negative_prompt": "black"}, {"prompt": "red"}, {"guidance_scale": 2.0}]
)
def test_what_is_asked_for_counts(plain, change):
    assert not torch.equal(plain.latents_of(GUIDED), plain.latents_of(GUIDED, **change))


def test_going_on_from_any_step_gives_the_same_bits(plain):
    assert_resumes(plain.driven, GUIDED, [1, 2, 3, 4, 5, 6])


def test_float16_equals_the_stock_pipelines(folder):
    pair(folder, "float16").assert_equal(replace(GUIDED, width=16, height=16))  # slow on a CPU


def test_the_unet_is_made_of_two_components_once_a_load(folder):
    driven, loaded = family_on(folder), []

    def load(name: str):
        loaded.append(name)
        return load_component(driven.family.checkpoint, name, driven.family.settings, "cpu")

    unet = driven.family.load("unet", load)
    assert type(unet).__name__ == "UNetMotionModel" and not unet.training
    assert loaded == ["unet", "motion_adapter"]
    driven.components["unet"] = unet
    driven.latents(GUIDED)
    assert driven.components["unet"] is unet
    assert set(driven.family.identity("unet")["files"]) == {"unet", "motion_adapter"}
    assert "motion_adapter" in driven.family.components()


def test_without_a_motion_adapter_it_is_refused(folder):
    with pytest.raises(ModelError, match="has no motion_adapter"):
        drive("animatediff", folder, settings_of(OPTION))


def test_a_quantised_unet_is_refused(folder):
    with pytest.raises(ConfigError, match=r"memory\.weights\.unet: .* -> memory\.weights\.unet=native"):
        family_on(folder, quantization={"unet": "int8"})


def test_the_whole_pipeline_runs(vgpipe, folder):
    command = [
        f"model={OPTION}", f"model.id={folder}", "checks=off", "model.revision=null",
        f"model.components.motion_adapter.id={folder / 'adapter'}", "model.components.motion_adapter.revision=null",
        "model.dtype=float32", "model.rules.min_side=16", "clip.prompt=a red circle", "clip.width=24",
        "clip.height=16", "clip.num_frames=3", "clip.num_inference_steps=2",
    ]  # fmt: skip
    assert_renders_and_reuses(vgpipe, *command)
