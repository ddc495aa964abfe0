"""Weights in float8: a byte each, whatever the family, finite latents near the native ones, LoRAs unrounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.driven import Case, drive
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights import layerwise_cast
from vgpipe.models.weights.load_component import load_component

FP8 = torch.float8_e4m3fn
CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=2, width=32, height=32, num_frames=5)
FLAT = replace(CASE, height=16)
LTX = replace(CASE, num_frames=9)
MOCHI = replace(CASE, num_frames=7, width=16, height=16)
# Option of conf/model -> family, clip, share of the weights that are cast in denoisers and in text encoders, at least.
# Tiny models have large embeddings and sensitive layers for their size; docs/loading.md has the shares of real ones.
FAMILIES = {
    "wan22_t2v_a14b": ("wan", CASE, 0.5, 0.7),
    "cogvideox_5b": ("cogvideox", FLAT, 0.6, 0.7),
    "hunyuan_video": ("hunyuan_video", CASE, 0.5, 0.25),
    "hunyuan_video_15": ("hunyuan_video_15", FLAT, 0.005, 0.1),
    "ltx_video_2b": ("ltx", LTX, 0.9, 0.7),
    "text_to_video_ms": ("text_to_video_sd", FLAT, 0.9, 0.5),
    "generic": ("generic", MOCHI, 0.7, 0.7),
}


def settings(dtype: str, *components: str, **others) -> Settings:
    methods = dict.fromkeys(components, "fp8")
    return Settings(dtype=dtype, max_sequence_length=16, quantization=methods, **others)


def cast_share(module) -> float:
    """Returns the share of a module's weights that are float8, and proves that each takes one byte."""
    small = [weight for weight in module.parameters() if weight.dtype == FP8]
    assert all(weight.untyped_storage().nbytes() == weight.numel() for weight in small)
    return sum(weight.numel() for weight in small) / sum(weight.numel() for weight in module.parameters())


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one.float() - other.float()).abs().max() / other.float().abs().max()).item()


@pytest.mark.parametrize(
    ("option", "dtype"),
    [(option, "bfloat16") for option in FAMILIES] + [("cogvideox_5b", "float32"), ("cogvideox_5b", "float16")],
)
def test_every_family_computes_from_float8_weights(built, option, dtype):
    name, case, of_denoiser, of_text = FAMILIES[option]
    folder = built(option)
    native = drive(name, folder, settings(dtype))
    latents, request = native.latents(case)
    frames = native.frames(request).astype(int)
    family = native.family
    texts = [part for part in family.encode_components if part.startswith("text_encoder")]
    denoisers = [part for part in family.denoise_components(from_image=False) if part != "guider"]
    for group, least in ((texts, of_text), (denoisers, of_denoiser), (["vae"], 0.9)):
        small = drive(name, folder, settings(dtype, *group))
        small.components.update({part: native.components[part] for part in native.components if part not in group})
        found, request = small.latents(case)
        assert all(cast_share(small.of((part,))[part]) > least for part in group)
        assert all(small.of((part,))[part].dtype == getattr(torch, dtype) for part in group)  # what pipelines ask
        assert found.dtype == latents.dtype and torch.isfinite(found).all()
        assert difference(found, latents) < 0.25
        decoded = small.frames(request).astype(int)
        assert 0 < abs(decoded - frames).mean() < 8
        assert torch.equal(found, latents) == (group == ["vae"])


def test_what_t5_reads_past_its_forward_stays_native_and_so_do_embeddings(built):
    checkpoint = open_checkpoint(Origin(str(built("ltx_video_2b"))))
    module = load_component(checkpoint, "text_encoder", settings("float16"), "cpu")
    layerwise_cast.cast(module, torch.float16)
    kept = {name.rsplit(".", 2)[-2] for name, weight in module.named_parameters() if weight.dtype != FP8}
    assert kept == {"shared", "relative_attention_bias", "layer_norm", "final_layer_norm", "wo"}
    assert module.encoder.block[0].layer[1].DenseReluDense.wo.weight.dtype == torch.float32  # as transformers keeps it


def test_a_weight_that_float8_has_no_number_for_keeps_its_layer_native():
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    module[0].weight.data[0, 0] = 448.0
    module[1].weight.data[0, 0] = -449.0
    expected = module(torch.ones(2, 4))
    layerwise_cast.cast(module, torch.float32)
    assert [one.weight.dtype for one in module] == [FP8, torch.float32]
    assert difference(module(torch.ones(2, 4)), expected) < 0.1


def test_weights_that_are_no_numbers_yet_are_cast_too():
    with torch.device("meta"):
        module = layerwise_cast.cast(torch.nn.Sequential(torch.nn.Linear(4, 4)), torch.bfloat16)
    assert module[0].weight.dtype == FP8


def test_loras_are_applied_before_the_cast_and_stay_as_they_are(built, tmp_path):
    pytest.importorskip("peft", reason="LoRAs need peft")
    from tests.models.weights.test_loras import lora, save_lora

    folder = built("wan22_t2v_a14b")
    file = save_lora(drive("wan", folder).of(("transformer",))["transformer"], tmp_path)
    used = {"loras": (lora(file, 2.0),)}
    without = drive("wan", folder, settings("bfloat16", "transformer", "transformer_2")).latents(CASE)[0]
    native = drive("wan", folder, settings("bfloat16", **used)).latents(CASE)[0]
    small = drive("wan", folder, settings("bfloat16", "transformer", "transformer_2", **used))
    latents = small.latents(CASE)[0]
    layers = dict(small.of(("transformer",))["transformer"].named_parameters())
    assert {weight.dtype for name, weight in layers.items() if "lora_" in name} == {torch.bfloat16}
    assert layers["blocks.0.attn1.to_q.base_layer.weight"].dtype == FP8
    assert difference(latents, native) < difference(latents, without)
