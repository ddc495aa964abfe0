"""Tiles and slices: the stock calls' bits, whole frames at every size, no seams, and a plain word where none are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, drive
from vgpipe.errors import ConfigError
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.pipeline import vae_options
from vgpipe.models.registry import family
from vgpipe.models.weights.load_component import load_component

CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=2, width=64, height=48, num_frames=5)
HEIGHT, WIDTH = 6, 11  # latents
# Option of conf/model -> family, pixels of a latent's side, sides of own tiles, next smaller ones.
VAES = {
    "wan21_t2v_1_3b": ("wan", 8, 256, (128, 64)),
    "wan22_ti2v_5b": ("wan", 16, 256, (128, 64)),
    "cogvideox_5b": ("cogvideox", 8, 16, ()),
    "hunyuan_video": ("hunyuan_video", 8, 256, (128, 64)),
    "hunyuan_video_15": ("hunyuan_video_15", 16, 256, (128, 64)),
    "ltx_video_2b": ("ltx", 32, 512, (256, 128)),
    "generic": ("generic", 8, 256, (128, 64)),
    "text_to_video_ms": ("text_to_video_sd", 2, 8, ()),
}


def loaded(folder: Path, name: str, **settings):
    """Loads the VAE as a decoding stage does."""
    checkpoint = open_checkpoint(Origin(str(folder)))
    one = family(name, checkpoint, Settings(**settings))
    return one.load("vae", lambda component: load_component(checkpoint, component, one.settings, "cpu"))


def decoded(vae) -> tuple[torch.Tensor, int]:
    """Returns the picture (frames or batch, H, W, C) of fixed random latents, and how often the decoder ran."""
    calls: list[int] = []
    hook = vae.decoder.register_forward_hook(lambda *_: calls.append(1))
    channels = vae.config.get("latent_channels") or vae.config.get("z_dim")
    is_image = type(vae).__name__ == "AutoencoderKL"
    shape = (2, channels, HEIGHT, WIDTH) if is_image else (1, channels, 2, HEIGHT, WIDTH)
    with torch.no_grad():
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        sample = vae.decode(latents, return_dict=False)[0]
    hook.remove()
    return (sample.movedim(1, -1) if is_image else sample[0].movedim(0, -1)), len(calls)


@pytest.mark.parametrize("option", VAES)
def test_every_vae_tiles_to_whole_frames_at_any_size(built, option):
    name, ratio, own, _ = VAES[option]
    plain = loaded(built(option), name)
    assert vae_options.own_tile_size(plain) == own
    whole, calls = decoded(plain)
    off = {}
    for latents in (3, 10):
        tiled = loaded(built(option), name, vae_tiling=True, vae_tile_size=latents * ratio + 1)  # no whole latents
        picture, tiled_calls = decoded(tiled)
        assert picture.shape == whole.shape and torch.isfinite(picture).all()
        assert tiled_calls > calls
        off[latents] = (picture - whole).abs().mean().item()
    # Random decoders see far, so tiles differ much; were they laid out wrongly, large ones would as much as small ones.
    assert off[10] < 0.6 * off[3] and off[10] < 0.35 * whole.std()
    same, _ = decoded(loaded(built(option), name, vae_tiling=True, vae_tile_size=16 * ratio))  # larger than the picture
    assert torch.equal(same, whole)


def test_overlaps_are_whole_latents_for_every_tile():
    for ratio in (2, 8, 16, 32):
        for latents in range(2, 130):
            for share in (3 / 4, 4 / 5, 5 / 6):
                factor = vae_options._overlap(latents, share, ratio)
                stride = int(latents * (1 - factor))  # diffusers' own arithmetic
                assert 1 <= stride < latents and int(latents * ratio * factor) == (latents - stride) * ratio


@pytest.mark.parametrize("size", [None, 32])
def test_a_tiled_run_is_the_stock_pipelines(built, size):
    from diffusers import WanPipeline

    tiled = Settings(max_sequence_length=16, vae_tiling=True, vae_tile_size=size)
    driven = drive("wan", built("wan21_t2v_1_3b"), tiled)
    _, request = driven.latents(CASE)
    stock = WanPipeline.from_pretrained(built("wan21_t2v_1_3b"), torch_dtype=torch.float32)
    stock.vae.enable_tiling(**({} if size is None else dict(zip(TILES, (32, 32, 24, 24), strict=True))))
    frames = stock(
        CASE.prompt, negative_prompt=CASE.negative_prompt, width=64, height=48, num_frames=5, num_inference_steps=2,
        guidance_scale=3.0, generator=torch.Generator().manual_seed(3), output_type="np", max_sequence_length=16,
    ).frames[0]  # fmt: skip
    assert np.array_equal(driven.frames(request), (frames * 255).round().astype("uint8"))
    plain = Driven(driven.family.with_settings(Settings(max_sequence_length=16)))
    assert np.array_equal(plain.frames(request), driven.frames(request)) == (size is None)  # smaller than its own tile


TILES = tuple(f"tile_sample_{what}_{axis}" for what in ("min", "stride") for axis in ("height", "width"))


def test_a_trained_vae_shows_no_seams():
    whole = Driven(family("wan", open_checkpoint(Origin("embedded:shapes")), Settings(max_sequence_length=64)))
    case = Case("a large red circle", seed=1, width=128, height=64, num_frames=5, num_inference_steps=4)
    _, request = whole.latents(case)
    tiled = Driven(whole.family.with_settings(Settings(max_sequence_length=64, vae_tiling=True, vae_tile_size=64)))
    expected, found = (driven.frames(request).astype(int) for driven in (whole, tiled))
    assert 0 < abs(found - expected).mean() < 1  # of 255
    edges, columns = [48, 96], np.arange(1, 128)
    steps = abs(found[:, :, 1:] - found[:, :, :-1]).mean(axis=(0, 1, 3))
    untiled = abs(expected[:, :, 1:] - expected[:, :, :-1]).mean(axis=(0, 1, 3))
    at_edges = np.isin(columns, edges)
    assert (steps - untiled)[at_edges].max() < 1  # a border is no more of a step than the picture has there itself


@pytest.mark.parametrize("option", VAES)
def test_a_ladder_of_tiles_begins_with_the_vaes_own(built, option):
    name, _, own, smaller = VAES[option]
    one = family(name, open_checkpoint(Origin(str(built(option)))), Settings())
    assert vae_options.tile_sizes(one, 1280) == (None, *smaller)
    assert vae_options.tile_sizes(one, own) == smaller  # its own would not divide the picture
    assert vae_options.tile_sizes(one, 64) == ((None,) if own < 64 else ())


def test_it_needs_no_weights(built):
    from torch._subclasses.fake_tensor import FakeTensorMode

    checkpoint = open_checkpoint(Origin(str(built("wan21_t2v_1_3b"))))
    with FakeTensorMode():
        vae = checkpoint.component_class("vae").from_config(checkpoint.config("vae"))
        vae_options.apply(vae, tiling=True, tile_size=128, slicing=True)
    assert vae.use_tiling and vae.use_slicing and vae.tile_sample_min_width == 128


def test_what_a_vae_has_no_way_for_is_refused():
    from diffusers import AutoencoderKLAllegro, AutoencoderKLCosmos, AutoencoderKLTemporalDecoder

    asked = {"tiling": True, "tile_size": None, "slicing": False}
    for vae_class in (AutoencoderKLTemporalDecoder, AutoencoderKLCosmos):  # Cosmos takes the setting and ignores it
        assert not vae_options.supports_tiling(vae_class)
        told = rf"^memory\.vae_tiling: {vae_class.__name__} cannot decode in tiles -> memory\.vae_tiling=false$"
        with pytest.raises(ConfigError, match=told):
            vae_options.check(vae_class, **asked)
    vae_options.check(AutoencoderKLAllegro, **asked)
    with pytest.raises(ConfigError, match=r"AutoencoderKLAllegro decodes in tiles only -> memory\.vae_tiling=true$"):
        vae_options.check(AutoencoderKLAllegro, **{**asked, "tiling": False})
    with pytest.raises(ConfigError, match=r"^memory\.vae_tile_size: the tiles of AutoencoderKLAllegro have one size"):
        vae_options.check(AutoencoderKLAllegro, **{**asked, "tile_size": 128})


def test_it_is_refused_before_anything_is_loaded(built, monkeypatch):
    folder = built("wan21_t2v_1_3b")
    monkeypatch.setattr(vae_options, "supports_tiling", lambda _class: False)
    with pytest.raises(ConfigError, match=r"^memory\.vae_tiling: AutoencoderKLWan cannot decode in tiles"):
        drive("wan", folder, Settings(vae_tiling=True))


def test_slices_of_a_batch_are_the_stock_pipelines(built):
    plain, sliced = (loaded(built("text_to_video_ms"), "text_to_video_sd", vae_slicing=on) for on in (False, True))
    (whole, calls), (parts, sliced_calls) = decoded(plain), decoded(sliced)
    assert (calls, sliced_calls) == (1, 2)
    assert torch.allclose(parts, whole, atol=1e-4)
