"""CogVideoX: vgpipe's latents and frames are the stock pipelines', bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.configs import model_of
from tests.models.driven import Case, Driven, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.tiny import build
from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.stages import checkpoints
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

TEXT_OPTIONS = ("cogvideox_2b", "cogvideox_5b", "cogvideox15_5b")
IMAGE_OPTION = "cogvideox_5b_i2v"
OPTIONS = (*TEXT_OPTIONS, IMAGE_OPTION)
GRADIENT_NHWC = np.linspace(0, 255, 40 * 70 * 3).astype("uint8").reshape(1, 40, 70, 3)

CASES = [
    Case("a small red circle", width=32, height=32),
    Case("blue square moving left", "red", 7, 6.0),  # 48x32: not square, and not the size in the configs
    Case("circle", "", 1234567, 1.0, width=32, height=16),
    Case("a large square", "blue", 3, 6.0, width=16, height=16, num_frames=17),
]
GUIDED = CASES[1]


@dataclass
class Pair:
    """A family and the stock pipeline on one checkpoint, with the settings of one option."""

    driven: Driven
    pipeline: Any
    kwargs: dict[str, Any]

    def stock(self, case: Case, output_type: str) -> Any:
        first = {} if case.frames_NHWC is None else {"image": picture(case)}
        return self.pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed),
            output_type=output_type, **first, **self.kwargs,
        ).frames  # fmt: skip

    def assert_equal(self, case: Case) -> None:
        frames = self.stock(case, "np")[0]
        assert len(frames) == case.num_frames and np.ptp(frames) > 0.1 and np.isfinite(frames).all()
        assert_equals_stock(self.driven, case, self.stock(case, "latent"), frames)


def picture(case: Case) -> Any:
    from PIL import Image

    return Image.fromarray(case.frames_NHWC[0])


def settings_of(option: str, dtype: str, variant: str | None = None) -> Settings:
    """What conf/model says about an option."""
    model = model_of(option)
    return Settings(
        dtype=dtype,
        variant=variant,
        max_sequence_length=model.max_sequence_length,
        scheduler=model.scheduler.name,
        scheduler_config=dict(model.scheduler.config),
        pipeline_kwargs=dict(model.pipeline_kwargs),
    )


def pair(option: str, folder: Path, dtype: str = "float32", variant: str | None = None) -> Pair:
    import diffusers

    settings = settings_of(option, dtype, variant)
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, torch_dtype=getattr(torch, dtype), variant=variant)
    scheduler = getattr(diffusers, settings.scheduler)
    pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config, timestep_spacing="trailing")
    pipeline.set_progress_bar_config(disable=True)
    kwargs = {"max_sequence_length": settings.max_sequence_length, **settings.pipeline_kwargs}
    return Pair(drive("cogvideox", folder, settings), pipeline, kwargs)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {option: build(option, tmp_path_factory.mktemp(option)) for option in OPTIONS}


@pytest.fixture(scope="module")
def pairs(folders) -> dict[str, Pair]:
    return {option: pair(option, folders[option]) for option in OPTIONS}


@pytest.fixture(scope="module")
def image_case() -> Case:
    return replace(GUIDED, frames_NHWC=GRADIENT_NHWC)


@pytest.mark.parametrize("case", CASES, ids=["square", "guided", "unguided", "longer"])
@pytest.mark.parametrize("option", TEXT_OPTIONS)
def test_latents_and_frames_equal_the_stock_pipelines(pairs, option, case):
    pairs[option].assert_equal(case)


@pytest.mark.parametrize(
    "changes",
    [{}, {"seed": 11, "negative_prompt": ""}, {"guidance_scale": 1.0}, {"num_frames": 17}],
    ids=["guided", "another-seed", "unguided", "longer"],
)
def test_latents_and_frames_from_an_image_equal_the_stock_pipelines(pairs, image_case, changes):
    pairs[IMAGE_OPTION].assert_equal(replace(image_case, **changes))


@pytest.mark.parametrize("strength", [0.5])
def test_a_restyled_video_equals_the_stock_video_pipelines(pairs, folders, strength):
    import diffusers
    from PIL import Image

    pair, source = pairs["cogvideox_5b"], np.repeat(GRADIENT_NHWC[:, :32, :48], 9, axis=0)
    stock = diffusers.CogVideoXVideoToVideoPipeline(**pair.pipeline.components)
    stock.set_progress_bar_config(disable=True)
    case = replace(GUIDED, source_NHWC=source, strength=strength)
    latents, frames = (
        stock(
            video=[Image.fromarray(one) for one in source], strength=strength, prompt=case.prompt,
            negative_prompt=case.negative_prompt, height=32, width=48, num_inference_steps=6, guidance_scale=6.0,
            generator=torch.Generator().manual_seed(7), output_type=kind, **pair.kwargs,
        ).frames
        for kind in ("latent", "np")
    )  # fmt: skip
    assert_equals_stock(pair.driven, case, latents, frames[0])
    assert_resumes(pair.driven, case, [case.skipped + 1, 6])


def test_a_video_that_would_be_padded_is_not_restyled(pairs):
    case = replace(GUIDED, source_NHWC=np.zeros((9, 32, 48, 3), np.uint8), strength=0.5)
    with pytest.raises(ModelError, match="restyles no video of 9 frames -> leave strength out"):
        pairs["cogvideox15_5b"].driven.latents(case)


def test_another_image_gives_another_video(pairs, image_case):
    driven = pairs[IMAGE_OPTION].driven
    other = replace(image_case, frames_NHWC=255 - image_case.frames_NHWC)
    assert not torch.equal(driven.latents(image_case)[0], driven.latents(other)[0])


@pytest.mark.parametrize("option", TEXT_OPTIONS)
def test_going_on_from_any_step_gives_the_same_bits(pairs, option):
    assert_resumes(pairs[option].driven, GUIDED, [1, 2, 3, 4, 5, 6])


def test_going_on_from_an_image_at_any_step_gives_the_same_bits(pairs, image_case):
    assert_resumes(pairs[IMAGE_OPTION].driven, image_case, [1, 2, 3, 4, 5, 6])


def test_going_on_from_a_checkpoint_on_the_disk_gives_the_same_bits(folders, image_case, tmp_path):
    """The last prediction, which the stock loop keeps in a variable of its own, is in the file."""
    driven, seen = pair(IMAGE_OPTION, folders[IMAGE_OPTION], "bfloat16").driven, []
    whole, _ = driven.latents(image_case, spy=seen)
    store, key = Store(tmp_path), Key("denoise", {"seed": image_case.seed})
    checkpoints.write(store, key, checkpoints.DenoiseCheckpoint(*seen[2]))
    saved = checkpoints.read(store, key, "cpu")
    again = (saved.done_steps, saved.latents, saved.scheduler, saved.generator)
    assert torch.equal(driven.latents(image_case, done=3, saved=again)[0], whole)


@pytest.mark.parametrize("option", ["cogvideox15_5b", IMAGE_OPTION])
def test_bfloat16_is_stepped_and_resumed_as_the_stock_pipeline_does(folders, image_case, option):
    in_bf16 = pair(option, folders[option], "bfloat16")
    case = image_case if option == IMAGE_OPTION else GUIDED
    in_bf16.assert_equal(case)
    assert in_bf16.driven.latents(case)[0].dtype == torch.bfloat16
    assert_resumes(in_bf16.driven, case, [1, 4, 6])


def test_float16_takes_the_fp16_files_and_equals_the_stock_pipeline(folders):
    in_fp16 = pair("cogvideox_2b", folders["cogvideox_2b"], "float16", "fp16")
    in_fp16.assert_equal(GUIDED)
    assert_resumes(in_fp16.driven, GUIDED, [3])


def test_the_tiny_5b_is_sharded_as_the_real_one(folders):
    shards = sorted(path.parent.name for path in folders["cogvideox_5b"].rglob("*.index.json"))
    assert shards == ["text_encoder", "transformer", "vae"]


def test_dynamic_guidance_counts(pairs, folders):
    options = settings_of("cogvideox_5b", "float32")
    plain = drive("cogvideox", folders["cogvideox_5b"], replace(options, pipeline_kwargs={}))
    assert not torch.equal(plain.latents(GUIDED)[0], pairs["cogvideox_5b"].driven.latents(GUIDED)[0])


def test_latents_of_15_hold_the_padding_that_decoding_cuts(pairs):
    latents, request = pairs["cogvideox15_5b"].driven.latents(GUIDED)
    assert latents.shape[1] == 4  # (9 - 1) / 4 + 1 = 3 latent frames, made even
    assert len(pairs["cogvideox15_5b"].driven.frames(request)) == 9


def test_an_image_checkpoint_refuses_a_size_that_it_has_no_positions_for(pairs, image_case):
    with pytest.raises(ModelError, match=r"the clip is 32x48; .* makes 48x32 alone -> width: 48, height: 32"):
        pairs[IMAGE_OPTION].driven.latents(replace(image_case, width=32, height=48))


def test_a_checkpoint_of_the_other_task_is_refused(pairs, image_case):
    with pytest.raises(ModelError, match="from an image and the clip has none -> give an image"):
        pairs[IMAGE_OPTION].driven.latents(GUIDED)
    with pytest.raises(ModelError, match="from text alone -> leave the image out"):
        pairs["cogvideox_5b"].driven.latents(image_case)


def test_the_image_model_is_asked_for_its_trained_size_and_length_alone():
    rules = model_of(IMAGE_OPTION).rules
    assert [side for side in range(1, 2000) if rules.allows_side(side)] == [480, 720]
    assert [count for count in range(1, 200) if rules.allows_num_frames(count)] == [49]


@pytest.mark.parametrize("option", OPTIONS)
def test_float16_is_tried_for_2b_alone(option):
    assert ("float16" in model_of(option).safe_dtypes) == (option == "cogvideox_2b")


@pytest.mark.parametrize("option", ["cogvideox_2b", IMAGE_OPTION])
def test_the_command_line_renders_with_it_and_reuses_all(vgpipe, workdir, folders, image_case, option):
    frames = 17 if option == "cogvideox15_5b" else 9
    size = ("clip.width=48", "clip.height=32", f"clip.num_frames={frames}", "quality.num_inference_steps=2")
    free = ("model.rules.min_side=16", "model.rules.side_multiple=16", "model.dtype=float32")
    command = [
        f"model={option}",
        f"model.id={folders[option]}",
        "checks=off",
        "clip.prompt=a small red circle",
        *size,
        *free,
    ]
    if option == IMAGE_OPTION:
        picture(image_case).save(workdir / "first.png")
        command += ["clip.image=first.png", "model.rules.frames_step=8", "model.rules.frames_offset=1"]
    assert_renders_and_reuses(vgpipe, *command)


def test_cogvideox_15_makes_as_many_frames_as_an_odd_number_of_latents_has():
    rules = model_of("cogvideox15_5b").rules
    assert all(map(rules.allows_num_frames, (81, 121, 161)))
    assert not any(map(rules.allows_num_frames, (85, 117)))
