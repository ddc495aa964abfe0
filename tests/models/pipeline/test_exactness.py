"""Every memory option is declared, and the declaration is what store keys and pixels do."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args

import pytest

from vgpipe.clips import from_config
from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.config.load import load
from vgpipe.config.schema import MemoryConfig
from vgpipe.job.clip import Clip
from vgpipe.models.base import Settings
from vgpipe.models.pipeline import exactness, vae_options
from vgpipe.vocabulary import StoredPrecision

CLIP = Clip(
    id="a-1", prompt="a small red circle", negative_prompt="", seed=1, width=32, height=32, num_frames=5, fps=8.0,
    num_inference_steps=4, guidance_scale=3.0, model="shapes",
)  # fmt: skip
FROM_IMAGE = replace(CLIP, image="/a.png", image_sha256="0" * 64)
# The first 16 digits of the keys of the embedded model's artifacts before there was any memory option. They change
# with its files and with what KEYS count, and then every finished job renders again.
BEFORE = ["5a543f519a4d867d", "dada784142bcf4de", "9cc9f2a7063e6c30", "0a7ebc9dc78eb1f9", "d608dab8ac54bb99"]
BLOCKS = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
ALL, FROM_LATENTS, FROM_FRAMES, NONE = (
    [False] * 5,
    [True, True, False, False, False],
    [True, True, True, False, False],
    [True] * 5,
)
# What is typed -> which of prompt, negative prompt, latents, frames and export are the same as without it: of a clip
# from text alone, and of one from an image, which the VAE encodes.
EXACT = {
    "memory=resident": (NONE, NONE),
    "memory=model_offload": (NONE, NONE),
    "memory=staged": (NONE, NONE),
    "memory=block_offload": (NONE, NONE),
    "memory=leaf_offload": (NONE, NONE),
    "memory=disk_offload": (NONE, NONE),
    "memory.stream=true": (NONE, NONE),
    "memory.stream=false": (NONE, NONE),
    "memory.attention=sdpa": (NONE, NONE),
    "memory.vae_tiling=false": (NONE, NONE),
    "memory.vae_tile_size=64": (NONE, NONE),  # of no account without tiling
    "memory.weights.transformer=native": (NONE, NONE),
}
INEXACT = {
    "memory.weights.text_encoder=fp8": (ALL, ALL),
    "memory.weights.transformer=fp8": (FROM_LATENTS, FROM_LATENTS),
    "memory.weights.vae=fp8": (FROM_FRAMES, FROM_LATENTS),
    "memory.vae_dtype=bfloat16": (FROM_FRAMES, FROM_LATENTS),
    "memory.vae_tiling=true": (FROM_FRAMES, FROM_LATENTS),
    "memory.vae_slicing=true": (FROM_FRAMES, FROM_LATENTS),
}


def maker(tmp_path, *overrides: str):
    config = load(["model=shapes", *overrides])
    return from_config.key_maker(config.model, config.memory, str(tmp_path))


def digests(keys, clip: Clip = CLIP) -> list[str]:
    made = ArtifactKeys(keys, ({"name": "mp4", "crf": 16},)).of_clip(clip)[0]
    assert made.negative is not None
    return [key.digest for key in (made.prompt, made.negative, made.latents, made.frames, *made.exports)]


def same(one: list[str], other: list[str]) -> list[bool]:
    return [a == b for a, b in zip(one, other, strict=True)]


def test_every_option_is_declared_with_its_reason():
    assert {one.name for one in fields(MemoryConfig)} == set(exactness.OPTIONS)
    for name, option in exactness.OPTIONS.items():
        assert option.reason and option.keeps_bits == (option.counted_in is None) == exactness.keeps_bits(name)


def test_keys_of_runs_without_memory_options_are_what_they_were(tmp_path):
    assert [digest[:16] for digest in digests(maker(tmp_path))] == BEFORE


@pytest.mark.parametrize("typed", [*EXACT, *INEXACT])
def test_an_option_changes_the_keys_of_what_it_touches_and_no_others(tmp_path, typed):
    plain, changed = maker(tmp_path), maker(tmp_path, typed)
    of_text, of_image = (EXACT | INEXACT)[typed]
    assert same(digests(plain), digests(changed)) == of_text
    assert same(digests(plain, FROM_IMAGE), digests(changed, FROM_IMAGE)) == of_image


def test_every_way_of_storing_has_keys_of_its_own(tiny_wan):
    from vgpipe.models.open import Origin, open_checkpoint
    from vgpipe.models.registry import family

    checkpoint = open_checkpoint(Origin(str(tiny_wan)))
    ways = [method for method in get_args(StoredPrecision) if method != "native"]
    made = [family("wan", checkpoint, Settings(quantization={"transformer": way})) for way in ways]
    assert len({str(one.identity("transformer")) for one in made}) == len(ways)
    # torchao's float8, which it once was, rounded otherwise.
    assert made[ways.index("fp8")].identity("transformer")["quantization"] == {"transformer": "fp8_layerwise"}


def test_sizes_of_tiles_are_told_apart(tmp_path):
    sizes = [maker(tmp_path, "memory.vae_tiling=true", f"memory.vae_tile_size={size}") for size in ("null", 64, 128)]
    assert len({digests(one)[3] for one in sizes}) == 3 and len({digests(one)[2] for one in sizes}) == 1


def test_attention_counts_in_what_denoises():
    for wanted in ("flash", "sage", "sliced"):
        assert exactness.marks(Settings(attention=wanted), exactness.DENOISERS) == {"attention": wanted}
        assert exactness.marks(Settings(attention=wanted), exactness.DECODERS) == {}


def test_slicing_an_image_vae_changes_bits():
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    vae = AutoencoderKL(block_out_channels=(32, 64), norm_num_groups=8, sample_size=32, **BLOCKS)
    latents = torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        together = vae.eval().decode(latents).sample
        vae_options.apply(vae, tiling=False, tile_size=None, slicing=True)
        sliced = vae.decode(latents).sample
    assert torch.allclose(together, sliced, atol=1e-4)
    assert torch.equal(together, sliced) == exactness.keeps_bits("vae_slicing")
