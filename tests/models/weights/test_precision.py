"""What is advised where numbers are not finite is not in force already."""

from __future__ import annotations

import pytest
import torch

from tests.models.driven import Case, drive
from vgpipe.errors import PrecisionError
from vgpipe.models.base import Lora, Settings
from vgpipe.models.weights.precision import remedy_for_overflow

LORA = Lora(path="/x.safetensors", weight=1.0, sha256="0")
DENOISER, VAE, TEXT = ("transformer",), ("vae",), ("tokenizer", "text_encoder")


@pytest.mark.parametrize(
    ("settings", "ran", "remedy"),
    [
        (Settings(dtype="bfloat16"), DENOISER, "a dtype with more range: model.dtype=float32"),
        (Settings(dtype="bfloat16"), VAE, "a dtype with more range: memory.vae_dtype=float32"),
        (
            Settings(component_dtypes={"transformer": "float16"}),
            DENOISER,
            "a dtype with more range: model.component_dtypes.transformer=float32",
        ),
        (
            Settings(component_dtypes={"text_encoder": "float16"}, loras=(LORA,), attention="sage"),
            DENOISER,
            "it computes in float32 already: model.component_dtypes.text_encoder=float32, or model.loras=[], or "
            "memory.attention=sdpa, or a lower clip.guidance_scale, or copy or download the weights again",
        ),
        (
            Settings(dtype="bfloat16", component_dtypes={"vae": "float32"}, quantization={"vae": "fp8"}),
            VAE,
            "it computes in float32 already: memory.weights.vae=native, or copy or download the weights again",
        ),
    ],
)
def test_only_what_is_not_in_force_is_advised(settings, ran, remedy):
    assert remedy_for_overflow(settings, ran, TEXT) == remedy


def test_a_vae_that_gives_nan_in_float32_is_not_sent_to_float32(tiny_wan):
    wan = drive("wan", tiny_wan, Settings(max_sequence_length=16))
    torch.nn.init.constant_(wan.of(("vae",))["vae"].decoder.conv_out.bias, float("nan"))
    _, request = wan.latents(Case("a circle", num_frames=5, num_inference_steps=1))
    with pytest.raises(PrecisionError, match=r"not finite .* -> it computes in float32 already: copy or download"):
        wan.frames(request)
