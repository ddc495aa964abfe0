"""LTX-2: vgpipe's latents, frames and sound are the stock pipelines', bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.stages.drafting import Drafting
from tests.tiny import build
from vgpipe.models.base import PlacedFrames, Settings

GUIDED = {
    "audio_guidance_scale": 7.0, "stg_scale": 1.0, "audio_stg_scale": 1.0, "spatio_temporal_guidance_blocks": [1],
    "modality_scale": 3.0, "audio_modality_scale": 3.0, "guidance_rescale": 0.7, "audio_guidance_rescale": 0.7,
    "use_cross_timestep": False,
}  # fmt: skip
UNGUIDED = {
    "sigmas": [1.0, 0.99375, 0.725, 0.421875], "audio_guidance_scale": 1.0, "stg_scale": 0.0, "audio_stg_scale": 0.0,
    "modality_scale": 1.0, "audio_modality_scale": 1.0, "guidance_rescale": 0.0, "audio_guidance_rescale": 0.0,
    "use_cross_timestep": False,
}  # fmt: skip
FOLLOWED = {"ltx2": GUIDED, "ltx2_distilled": UNGUIDED}
CASES = {
    "ltx2": Case("a small red circle", "blue", 7, 3.0, 96, 64, num_frames=17, fps=12, num_inference_steps=3),
    "ltx2_distilled": Case("blue square", "", 1, 1.0, 64, 64, num_frames=9, fps=25, num_inference_steps=4),
}
PLAIN = {"image_crf": 0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {option: build(option, tmp_path_factory.mktemp(option)) for option in CASES}


@pytest.fixture(scope="module")
def families(folders) -> dict[str, Driven]:
    return {option: driven(folders[option], FOLLOWED[option]) for option in CASES}


def driven(folder: Path, followed: dict[str, Any], **settings: Any) -> Driven:
    return drive("ltx2", folder, Settings(max_sequence_length=16, pipeline_kwargs=followed, **settings))


def stock(folder: Path, class_name: str, case: Case, followed: dict[str, Any], **given: Any) -> Any:
    """Runs the stock pipeline: its loop's latents after each step, its frames in 0 to 1, and its samples."""
    import diffusers

    pipeline = getattr(diffusers, class_name).from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline._callback_tensor_inputs = ["latents", "audio_latents"]
    seen: list[dict[str, torch.Tensor]] = []
    made = pipeline(
        prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
        num_frames=case.num_frames, frame_rate=case.fps, num_inference_steps=case.num_inference_steps,
        guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed), max_sequence_length=16,
        output_type="np", callback_on_step_end_tensor_inputs=["latents", "audio_latents"],
        callback_on_step_end=lambda _pipeline, _step, _timestep, now: seen.append(dict(now)) or {}, **followed, **given,
    )  # fmt: skip
    return seen[-1], made.frames[0], made.audio[0]


def assert_equals_stock(one: Driven, case: Case, expected: Any) -> None:
    last, frames, waveform = expected
    latents, request = one.latents(case)
    video_tokens = (case.num_frames // 8 + 1) * (case.height // 32) * (case.width // 32)
    sound_tokens = one.family.layout.sound_tokens(latents, video_tokens=video_tokens)
    video, sound = one.family.layout.split(latents, sound_tokens=sound_tokens)
    assert torch.equal(video, last["latents"][:, :video_tokens]) and torch.equal(sound, last["audio_latents"])
    made = one.decoded(request)
    assert made.frames_THWC.std(axis=0).mean() > 1 and made.sound.samples_SC.std() > 0.01
    assert np.array_equal(made.frames_THWC, (frames * 255).round().astype("uint8"))
    assert np.array_equal(made.sound.samples_SC, waveform.numpy().T) and made.sound.sample_rate_hz == 24000


def pictures(count: int, case: Case) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, case.height, case.width, 3), dtype=np.uint8)


@pytest.mark.parametrize("option", CASES)
def test_latents_frames_and_samples_equal_the_stock_pipelines(folders, families, option):
    case = CASES[option]
    assert_equals_stock(families[option], case, stock(folders[option], "LTX2Pipeline", case, FOLLOWED[option]))
    assert_resumes(families[option], case, [1, 2, case.num_inference_steps])


def test_a_first_image_is_the_stock_image_pipelines(folders):
    from PIL import Image

    case = CASES["ltx2"]
    given = pictures(1, case)
    expected = stock(
        folders["ltx2"], "LTX2ImageToVideoPipeline", case, GUIDED, image=Image.fromarray(given[0]), **PLAIN
    )
    one = driven(folders["ltx2"], {**GUIDED, **PLAIN})
    assert_equals_stock(one, replace(case, frames_NHWC=given), expected)
    assert_resumes(one, replace(case, frames_NHWC=given), [1, 3])


def test_given_frames_are_the_stock_conditions(folders):
    from diffusers.pipelines.ltx2 import LTX2VideoCondition
    from PIL import Image

    case = replace(CASES["ltx2_distilled"], num_frames=25)
    given = pictures(11, case)
    images = [Image.fromarray(one) for one in given]
    conditions = [
        LTX2VideoCondition(images[:9], 0),
        LTX2VideoCondition(images[9], 2, crf=0),
        LTX2VideoCondition(images[10], -1, crf=0),
    ]
    expected = stock(folders["ltx2_distilled"], "LTX2ConditionPipeline", case, UNGUIDED, conditions=conditions)
    one = driven(folders["ltx2_distilled"], {**UNGUIDED, **PLAIN})
    placed = (PlacedFrames(first_frame=12, frames_NHWC=given[9:10]),)
    case = replace(case, frames_NHWC=given[:9], placed=placed, last_frame_HWC=given[10])
    assert_equals_stock(one, case, expected)
    assert_resumes(one, case, [2])


def test_both_streams_of_a_multistep_schedule_resume(folders):
    one = driven(
        folders["ltx2_distilled"], {**UNGUIDED, "sigmas": None}, scheduler="UniPCMultistepScheduler",
        scheduler_config={"prediction_type": "flow_prediction", "use_flow_sigmas": True},
    )  # fmt: skip
    assert_resumes(one, CASES["ltx2_distilled"], [1, 3])


@pytest.mark.parametrize("given", [0, 1, 9])
def test_a_draft_shows_both_streams_and_is_continued(folders, tmp_path, given):
    case = replace(CASES["ltx2_distilled"], num_frames=17)
    case = replace(case, frames_NHWC=pictures(given, case) if given else None)
    one = driven(folders["ltx2_distilled"], {**UNGUIDED, **PLAIN})
    whole = Drafting(tmp_path / "whole", one, case).run()
    clip = Drafting(tmp_path / "store", one, case)
    shown = clip.draft(2)
    for moved in (slice(None, 96), slice(-96, None)):  # of the video, of the sound
        assert clip.checkpoint == 2 and shown.shape == whole.shape and not torch.equal(shown[:, moved], whole[:, moved])
    assert torch.equal(clip.run(), whole)
    last = Drafting(tmp_path / "last", one, case).draft(case.num_inference_steps)
    torch.testing.assert_close(last, whole, atol=1e-4, rtol=1e-4)


def test_the_negative_prompt_is_used_where_the_sound_alone_is_guided(families):
    assert families["ltx2"].family.uses_negative_prompt(1.0)
    assert not families["ltx2_distilled"].family.uses_negative_prompt(1.0)
    assert families["ltx2_distilled"].family.negative_prompt_obstacle(1.0) == (
        "guidance_scale 1 turns guidance off, and model.pipeline_kwargs.audio_guidance_scale that of the sound"
    )


def test_what_no_clip_can_have_is_known_before_anything_starts(folders, families, monkeypatch):
    import vgpipe.models.families.ltx2 as module

    whole, distilled = (families[option].family for option in CASES)
    assert whole.steps_obstacle(7) is None and distilled.steps_obstacle(4) is None
    assert "lists the noise levels of 4 steps -> clip.num_inference_steps=4" in (distilled.steps_obstacle(3) or "")
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    told = "PyAV is not installed -> pip install av, or model.pipeline_kwargs.image_crf=0"
    assert told in (driven(folders["ltx2"], GUIDED).family.image_obstacle() or "")
    assert driven(folders["ltx2"], {**GUIDED, **PLAIN}).family.image_obstacle() is None


def test_padding_is_left_out_of_what_is_stored(families):
    one = families["ltx2"]
    embeds = one.family.encode(one.of(one.family.encode_components), "red circle")
    assert embeds["prompt_embeds"].shape == (1, 4, 48) and embeds["prompt_attention_mask"].tolist() == [[1] * 4]
