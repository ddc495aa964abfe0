"""What of the config a family is told, and which memory options are refused before anything starts."""

from __future__ import annotations

import pytest

from tests import tiny
from vgpipe.clips import from_config
from vgpipe.config.load import load
from vgpipe.errors import ConfigError


def settings(tmp_path, *overrides: str, **options):
    config = load(["model=shapes", *overrides])
    return from_config.key_maker(config.model, config.memory, str(tmp_path), **options).family.settings


def test_memory_options_reach_the_family(tmp_path):
    told = settings(
        tmp_path, "memory.weights={transformer: fp8, vae: native}", "memory.vae_tiling=true",
        "memory.vae_tile_size=96", "memory.vae_slicing=true", "memory.attention=sdpa",
    )  # fmt: skip
    assert told.quantization == {"transformer": "fp8"}
    assert (told.vae_tiling, told.vae_tile_size, told.vae_slicing, told.attention) == (True, 96, True, "sdpa")


def test_without_options_the_family_is_told_none(tmp_path):
    told = settings(tmp_path)
    assert (told.quantization, told.vae_tiling, told.vae_tile_size) == ({}, False, None)
    assert (told.vae_slicing, told.attention, told.component_dtypes) == (False, "sdpa", {})


def test_the_vaes_precision_beats_that_of_the_model(tmp_path):
    told = settings(tmp_path, "model.component_dtypes.vae=float16", "memory.vae_dtype=bfloat16")
    assert told.component_dtypes == {"vae": "bfloat16"}


@pytest.mark.parametrize("way", ["native", "fp8"])
def test_a_component_that_there_is_not_is_told_with_those_that_there_are(tmp_path, way):
    told = r"^memory\.weights\.unet: there is no such component with weights -> one of: text_encoder, transformer, vae$"
    with pytest.raises(ConfigError, match=told):
        settings(tmp_path, f"memory.weights.unet={way}")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            "memory.weights.unet=fp8",
            "memory.weights.unet: there is no such component with weights -> one of: text_encoder",
        ),
        ("memory.weights.transformer=int2", "memory.weights.transformer: "),
        ("memory.attention=sliced", "memory.attention=sliced: transformer, a WanTransformer3DModel, has no slices"),
        ("memory.vae_tile_size=65", "memory.vae_tile_size: 65 is not allowed"),
    ],
)
def test_nothing_starts_with_an_option_that_cannot_be(render, workdir, typed, told):
    ran = render("clip.prompt=a red circle", "run.degrade=any", typed)
    assert ran.code == 2 and told in ran.err and not (workdir / "outputs").exists()


def test_a_stand_in_takes_what_it_has_a_use_for(tmp_path):
    asked = ("memory.weights={unet: int8, transformer: fp8}", "memory.attention=sliced", "memory.vae_tiling=true")
    told = settings(tmp_path, *asked, is_other_model=True)
    assert told.quantization == {"transformer": "fp8"} and told.attention == "sdpa" and told.vae_tiling
    with pytest.raises(ConfigError):
        settings(tmp_path, *asked)


def test_each_expert_is_stored_as_it_is_told(tmp_path):
    folder = tiny.build("wan22_t2v_a14b", tmp_path / "model")
    place = (f"model.id={folder}", "model.revision=null")
    config = load(["model=wan22_t2v_a14b", *place, "memory.weights.transformer=fp8"])
    family = from_config.key_maker(config.model, config.memory, str(tmp_path)).family
    kept = [family.identity(part)["quantization"][part] for part in ("transformer", "transformer_2")]
    assert kept == ["fp8_layerwise", None]


def test_a_family_with_other_settings_shares_its_checkpoint(tmp_path):
    config = load(["model=shapes"])
    family = from_config.key_maker(config.model, config.memory, str(tmp_path)).family
    told = settings(tmp_path, "memory.vae_tiling=true")
    other = family.with_settings(told)
    assert other.checkpoint is family.checkpoint and type(other) is type(family) and other.settings is told
    assert [other.identity(part) == family.identity(part) for part in ("transformer", "vae")] == [True, False]
