"""HunyuanVideo: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.tiny import build
from vgpipe.models.base import Settings
from vgpipe.models.weights.byte_level_tokenizers import as_saved

LENGTH = 48
AS_ADVISED = {"vae": "float16", "text_encoder": "float16", "text_encoder_2": "float16"}
CASES = [
    Case("a small red circle", num_inference_steps=3, guidance_scale=6.0),
    Case("blue square moving left", "red", 7, 4.5, width=32, height=64, num_frames=13, num_inference_steps=4),
    Case("circle", "", 1234567, 1.0, width=16, height=16, num_inference_steps=3),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("hunyuan_video", tmp_path_factory.mktemp("hunyuan_video"))


def settings(dtype: str = "float32", parts: dict[str, str] | None = None, **kwargs: Any) -> Settings:
    return Settings(
        dtype=dtype,
        component_dtypes=parts or {},
        max_sequence_length=LENGTH,
        scheduler_config={"shift": 7.0},
        pipeline_kwargs=kwargs,
    )


def stock(folder: Path, case: Case, made_with: Settings):
    """Runs the stock pipeline twice: to latents, and to frames in 0 to 1."""
    from diffusers import HunyuanVideoPipeline
    from transformers import PreTrainedTokenizerFast

    names = {"default": made_with.dtype, **made_with.component_dtypes}
    pipeline = HunyuanVideoPipeline.from_pretrained(
        folder, torch_dtype={part: getattr(torch, name) for part, name in names.items()},
        tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer"),
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)

    def run(output_type: str):
        return pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed),
            max_sequence_length=LENGTH, output_type=output_type, **made_with.pipeline_kwargs,
        ).frames  # fmt: skip

    return run("latent"), run("np")[0]


def assert_is_stock(folder: Path, case: Case, made_with: Settings):
    latents, frames = stock(folder, case, made_with)
    assert frames.std(axis=0).mean() > 0.005  # they move
    driven = drive("hunyuan_video", folder, made_with)
    assert_equals_stock(driven, case, latents, frames)
    return driven


@pytest.mark.parametrize("case", CASES)
def test_latents_and_frames_equal_the_stock_pipelines(folder, case):
    assert_is_stock(folder, case, settings())


@pytest.mark.parametrize("case", CASES[:1])
def test_in_the_precisions_that_diffusers_advises_and_going_on_in_them(folder, case):
    driven = assert_is_stock(folder, case, settings("bfloat16", AS_ADVISED))
    assert_resumes(driven, case, [1, 2, case.num_inference_steps])


def test_going_on_from_any_step_gives_the_same_bits(folder):
    assert_resumes(drive("hunyuan_video", folder, settings()), CASES[1], [1, 2, 3, 4])


def test_a_negative_prompt_counts_with_true_guidance_alone(folder):
    embedded = drive("hunyuan_video", folder, settings()).family
    assert not embedded.uses_negative_prompt(1.0) and not embedded.uses_negative_prompt(6.0)
    true = assert_is_stock(folder, CASES[1], settings(true_cfg_scale=3.0))
    assert true.family.uses_negative_prompt(1.0)
    assert_resumes(true, CASES[1], [2])
    other, _ = true.latents(replace(CASES[1], negative_prompt="circle"))
    assert not torch.equal(other, true.latents(CASES[1])[0])


def test_embedded_guidance_of_one_is_not_off(folder):
    driven = drive("hunyuan_video", folder, settings())
    off, on = (driven.latents(replace(CASES[2], guidance_scale=scale))[0] for scale in (1.0, 6.0))
    assert not torch.equal(off, on)


def test_both_encoders_and_the_mask_come_from_the_text(folder):
    driven = drive("hunyuan_video", folder, settings())
    texts = driven.of(driven.family.encode_components)
    red, blue = (driven.family.encode(texts, text) for text in ("red circle", "a much longer text on blue"))
    assert not torch.equal(red["pooled_prompt_embeds"], blue["pooled_prompt_embeds"])
    assert red["prompt_attention_mask"].sum() < blue["prompt_attention_mask"].sum() < LENGTH
    assert red["prompt_attention_mask"].dtype == torch.int64 and red["prompt_embeds"].shape[1] == LENGTH


def test_spaces_survive_whatever_transformers_makes_of_the_tokenizers_class(folder):
    from transformers import LlamaTokenizerFast, PreTrainedTokenizerFast

    place = folder / "tokenizer"
    text = "a small red circle"
    named, plain = (kind.from_pretrained(place) for kind in (LlamaTokenizerFast, PreTrainedTokenizerFast))
    loaded = drive("hunyuan_video", folder, settings()).of(("tokenizer",))["tokenizer"]
    assert loaded(text).input_ids == as_saved(named, place)(text).input_ids == plain(text).input_ids
    assert loaded.decode(loaded(text).input_ids, skip_special_tokens=True) == text
    assert as_saved(plain, place) is plain


def test_a_tokenizer_without_bytes_stays_what_it_is(tmp_path):
    from transformers import T5TokenizerFast

    from tests.tiny.wan import save_tokenizer

    save_tokenizer(tmp_path)
    tokenizer = T5TokenizerFast.from_pretrained(tmp_path)
    assert as_saved(tokenizer, tmp_path) is tokenizer


def test_the_fp16_files_are_taken_where_asked_for(folder):
    made_with = replace(settings("float16"), variant="fp16")
    driven = drive("hunyuan_video", folder, made_with)
    assert driven.family.identity("transformer") != drive("hunyuan_video", folder, settings()).family.identity(
        "transformer"
    )
    frames = driven.frames(driven.latents(CASES[2])[1])
    assert frames.shape == (9, 16, 16, 3) and np.ptp(frames) > 0


def test_the_whole_pipeline_by_command_and_again(folder, vgpipe):
    command = (
        "model=hunyuan_video", f"model.id={folder}", "checks=off",
        "clip.prompt=a red circle", "clip.width=48", "clip.height=32",
        "clip.num_frames=5", "quality.num_inference_steps=2", "model.rules.min_side=16", "model.dtype=float32",
    )  # fmt: skip
    assert_renders_and_reuses(vgpipe, *command)
