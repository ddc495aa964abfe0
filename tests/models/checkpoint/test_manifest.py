from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from vgpipe.errors import LoadError, ModelError, VgpipeError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint import outlines
from vgpipe.models.checkpoint.manifest import CheckpointManifest, manifest_of
from vgpipe.models.registry import family
from vgpipe.units import GIB

CONF = Path(__file__).parents[3] / "conf"
SAME_AS = {
    "framepack_f1": "framepack",
    "hunyuan_video_15_distilled": "hunyuan_video_15", "ltx2_distilled": "ltx2",
    "ltx2_distilled_two_stage": "ltx2",
    "wan21_i2v_14b_720p": "wan21_i2v_14b_480p", "wan21_t2v_14b_lightx2v": "wan21_t2v_14b",
    "wan22_i2v_a14b_lightning": "wan22_i2v_a14b", "wan22_t2v_a14b_lightning": "wan22_t2v_a14b",
}  # fmt: skip
"""Options whose weights differ from another's in their values alone."""
OTHERS = ("generic", "shapes", *SAME_AS)
OPTIONS = sorted(path.stem for path in (CONF / "model").glob("[!_]*.yaml") if path.stem not in OTHERS)

# Parameters, counted on the meta device and held against the published counts (names, READMEs, sizes of files).
T5_XXL, UMT5_XXL, CLIP_L = 4_762_310_656, 5_680_910_336, 123_060_480
CLIP_H, SIGLIP = 632_076_800, 428_225_600  # of images
COGVIDEOX_VAE, WAN_VAE, SD_VAE, LTX_095_VAE = 215_583_907, 126_892_531, 83_653_863, 1_246_913_522
COUNTS = {
    "animatediff_sd15": {
        "unet": 859_520_964, "motion_adapter": 453_209_280, "vae": SD_VAE, "text_encoder": CLIP_L,
    },
    "cogvideox_2b": {"transformer": 1_693_783_872, "vae": COGVIDEOX_VAE, "text_encoder": T5_XXL},
    "cogvideox_5b": {"transformer": 5_570_283_072, "vae": COGVIDEOX_VAE, "text_encoder": T5_XXL},
    "anyflow_wan": {  # Wan 2.1 1.3B's, and an embedding of where a step ends
        "transformer": 1_418_996_800 + 256 * 1536 + 1536 + 1536 * 1536 + 1536, "vae": WAN_VAE,
        "text_encoder": UMT5_XXL,
    },
    # 16 more channels into patches of 2 x 2 and 3072
    "cogvideox_5b_i2v": {
        "transformer": 5_570_283_072 + 16 * 4 * 3072, "vae": COGVIDEOX_VAE, "text_encoder": T5_XXL,
    },
    "cogvideox15_5b": {"transformer": 5_570_676_352, "vae": COGVIDEOX_VAE, "text_encoder": T5_XXL},
    "framepack": {
        "transformer": 12_874_314_816, "vae": 246_478_803, "text_encoder": 7_505_186_816, "text_encoder_2": CLIP_L,
        "image_encoder": 428_225_600,
    },
    "hunyuan_video": {
        "transformer": 12_821_012_544, "vae": 246_478_803, "text_encoder": 7_505_186_816, "text_encoder_2": CLIP_L,
    },
    "hunyuan_video_15": {
        "transformer": 8_326_608_160, "vae": 1_260_634_115, "text_encoder": 7_070_619_136,
        "text_encoder_2": 219_314_944,
    },
    "ltx2": {
        "transformer": 18_876_174_592, "connectors": 1_431_475_200, "vae": 1_222_479_601, "audio_vae": 53_248_146,
        "vocoder": 55_592_802, "text_encoder": 12_187_325_040,
    },
    "hunyuan_video_15_480p_distilled": {  # told where a step ends by an embedding of its own
        "transformer": 8_331_330_848, "vae": 1_260_634_115, "text_encoder": 7_070_619_136,
        "text_encoder_2": 219_314_944, "image_encoder": SIGLIP,
    },
    "hunyuan_video_15_i2v": {
        "transformer": 8_326_608_160, "vae": 1_260_634_115, "text_encoder": 7_070_619_136,
        "text_encoder_2": 219_314_944, "image_encoder": SIGLIP,
    },
    "kandinsky5_t2v_lite": {
        "transformer": 2_007_702_848, "vae": 246_478_803, "text_encoder": 8_292_166_656, "text_encoder_2": CLIP_L,
    },
    "ltx_video_2b": {"transformer": 1_923_385_472, "vae": 419_193_649, "text_encoder": T5_XXL},
    "ltx_video_distilled": {"transformer": 13_042_569_344, "vae": LTX_095_VAE, "text_encoder": T5_XXL},
    "minimax_h3": {
        "transformer": 33_122_992_896, "vae": 2_603_868_984, "audio_vae": 151_321_489, "text_encoder": 33_357_390_064,
    },
    "mochi_1_preview": {"transformer": 10_027_677_744, "vae": 459_748_611, "text_encoder": T5_XXL},
    "skyreels_v2_df_1_3b": {"transformer": 1_435_525_696, "vae": WAN_VAE, "text_encoder": UMT5_XXL},
    "sana_video": {"transformer": 2_056_862_144, "vae": WAN_VAE, "text_encoder": 2_614_341_888},
    "text_to_video_ms": {"unet": 1_411_233_860, "vae": SD_VAE, "text_encoder": 340_387_840},
    "wan21_t2v_1_3b": {"transformer": 1_418_996_800, "vae": WAN_VAE, "text_encoder": UMT5_XXL},
    "wan21_t2v_14b": {"transformer": 14_288_491_584, "vae": WAN_VAE, "text_encoder": UMT5_XXL},
    "wan21_flf2v_14b": {  # learned positions for the tokens of two images
        "transformer": 16_394_878_784 + 514 * 1280, "vae": WAN_VAE, "text_encoder": UMT5_XXL, "image_encoder": CLIP_H,
    },
    "wan21_i2v_14b_480p": {
        "transformer": 16_394_878_784, "vae": WAN_VAE, "text_encoder": UMT5_XXL, "image_encoder": CLIP_H,
    },
    "wan21_vace_1_3b": {"transformer": 2_153_972_032, "vae": WAN_VAE, "text_encoder": UMT5_XXL},
    "wan22_i2v_a14b": {  # 20 more channels into patches of 2 x 2 and 5120
        "transformer": 14_288_491_584 + 20 * 4 * 5120, "transformer_2": 14_288_491_584 + 20 * 4 * 5120,
        "vae": WAN_VAE, "text_encoder": UMT5_XXL,
    },
    "wan22_t2v_a14b": {
        "transformer": 14_288_491_584, "transformer_2": 14_288_491_584, "vae": WAN_VAE, "text_encoder": UMT5_XXL,
    },
    "wan22_ti2v_5b": {"transformer": 4_999_787_712, "vae": 704_688_668, "text_encoder": UMT5_XXL},
}  # fmt: skip

# Bytes of published weight files, as told by those who downloaded them; "*" is all of the repo that a pipeline loads.
PUBLISHED = [
    ("anyflow_wan", "transformer", 2_843_589_400),
    ("wan21_t2v_1_3b", "transformer", 4_998_781_576 + 677_289_072),
    ("wan21_t2v_1_3b", "text_encoder", 22_723_671_784),
    ("wan21_t2v_1_3b", "vae", 507_591_892),
    ("wan21_t2v_14b", "transformer", 57_154_198_566),
    ("wan21_t2v_14b", "*", 80_406_933_703),
    ("wan22_t2v_a14b", "text_encoder", 4_935_812_536 + 4_983_103_192 + 1_442_935_480),
    ("wan22_t2v_a14b", "*", 126_199_294_813),
    ("wan22_ti2v_5b", "*", 34_201_427_557),
    ("wan22_i2v_a14b", "*", 126_204_155_463),
    ("wan21_i2v_14b_480p", "*", 90_097_576_675),
    ("wan21_flf2v_14b", "*", 90_104_408_960),
    ("hunyuan_video_15_i2v", "*", 50.52 * GIB),
    ("hunyuan_video_15_480p_distilled", "*", 32.26 * GIB),
    ("hunyuan_video_15_480p_distilled", "transformer", 15.52 * GIB),
    ("wan21_vace_1_3b", "*", 19_040_000_000),
    ("cogvideox_2b", "*", 13_775_539_179),
    ("ltx_video_distilled", "text_encoder", 19_049_290_370),
    ("minimax_h3", "transformer", 61.7 * GIB),
    ("minimax_h3", "text_encoder", 62.13 * GIB),
    ("minimax_h3", "audio_vae", 605_300_000),
    ("mochi_1_preview", "transformer", 40_110_710_976),
    ("mochi_1_preview", "text_encoder", 19_049_242_624),
    ("skyreels_v2_df_1_3b", "*", 29_000_000_000),
    ("text_to_video_ms", "unet", 5_645_118_394),
    ("text_to_video_ms", "text_encoder", 1_361_597_016),
    ("text_to_video_ms", "vae", 334_643_276),
]


@cache
def conf(option: str) -> dict[str, Any]:
    base = yaml.safe_load((CONF / "model/_base.yaml").read_text())
    return base | yaml.safe_load((CONF / f"model/{option}.yaml").read_text())


def manifest_for(option: str) -> CheckpointManifest:
    others = {name: other["id"] for name, other in conf(option)["components"].items()}
    found = manifest_of(option, conf(option)["id"], others)
    assert found is not None
    return found


def driven(option: str, **changes: Any) -> Any:
    model = conf(option)
    settings = Settings(
        dtype=model["safe_dtypes"][0],
        component_dtypes=model["component_dtypes"],
        max_sequence_length=model["max_sequence_length"],
        scheduler=model["scheduler"].get("name"),
        scheduler_config=model["scheduler"].get("config", {}),
        pipeline_kwargs=model["pipeline_kwargs"],
        **changes,
    )
    return family(model["family"], manifest_for(option), settings)


def test_every_option_with_a_hub_id_has_an_outline_and_every_outline_an_option():
    outlines = sorted(path.stem for path in (CONF / "components").iterdir())
    assert sorted(COUNTS) == OPTIONS and outlines == sorted([*OPTIONS, *SAME_AS])
    assert [manifest_for(option).name for option in OPTIONS] == [conf(option)["id"] for option in OPTIONS]


@pytest.mark.parametrize("option", SAME_AS)
def test_weights_of_other_values_have_the_outline_of_those_that_they_are_like(option):
    other, whole = manifest_for(option), manifest_for(SAME_AS[option])
    assert other.name == conf(option)["id"]
    assert all(other.parameters(name) == whole.parameters(name) for name in COUNTS[SAME_AS[option]])


@pytest.mark.parametrize("option", sorted({*SAME_AS} - {"framepack_f1", "wan21_i2v_14b_720p"}))
def test_what_is_distilled_needs_no_guidance(option):
    assert conf(option)["reference"]["guidance_scale"] == 1.0 < conf(SAME_AS[option])["reference"]["guidance_scale"]


def test_a_part_of_its_own_comes_on_top_of_the_outline_that_it_shares():
    one = manifest_for("ltx2_distilled_two_stage")
    with torch.device("meta"):
        made = one.component_class("latent_upsampler").from_config(one.config("latent_upsampler"))
    counted = sum(parameter.numel() for parameter in made.parameters())
    assert counted == one.parameters("latent_upsampler") == 497_867_904
    assert (
        one.parameters("vocoder") == COUNTS["ltx2"]["vocoder"]
        and one.config("scheduler")["use_dynamic_shifting"] is False
    )


@pytest.mark.parametrize("option", ["wan21_t2v_14b_lightx2v", "wan22_i2v_a14b_lightning", "wan22_t2v_a14b_lightning"])
def test_steps_of_distilled_wan_are_those_of_its_training(option):
    scheduler = driven(option).scheduler()
    scheduler.set_timesteps(conf(option)["reference"]["num_inference_steps"])
    trained = [1000 * 5 * share / (1 + 4 * share) for share in (1, 0.75, 0.5, 0.25)]  # a shift of 5
    assert scheduler.timesteps.tolist() == pytest.approx(trained, abs=1.1)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_installed_classes_make_of_its_configs_models_of_the_published_size(option):
    one, built = manifest_for(option), {}
    for component in COUNTS[option]:
        loader, config = one.component_class(component), one.config(component)
        with torch.device("meta"):
            made = (
                loader.from_config(config)
                if loader.__module__.startswith("diffusers.")
                else _of_transformers(loader, config)
            )
        built[component] = sum(parameter.numel() for parameter in made.parameters())
    assert built == COUNTS[option]
    assert {name: count for name in one.component_names if (count := one.parameters(name))} == COUNTS[option]


def _of_transformers(loader: Any, config: dict[str, Any]) -> Any:
    return loader(loader.config_class(**config))


@pytest.mark.parametrize("option", OPTIONS)
def test_a_diffusers_class_ignores_nothing_of_its_config(option):
    one = manifest_for(option)
    for component in COUNTS[option]:
        loader, config = one.component_class(component), one.config(component)
        if loader.__module__.startswith("diffusers."):
            assert config["_class_name"] == loader.__name__
            assert loader.extract_init_dict(dict(config))[1] == {}, component


@pytest.mark.parametrize(("option", "component", "size_bytes"), PUBLISHED)
def test_files_are_as_large_as_those_published(option, component, size_bytes):
    one = manifest_for(option)
    told = sum(map(one.size_bytes, one.component_names if component == "*" else [component]))
    # Above it: headers, tokenizers, indices; 0.0 to 0.2 % of what was seen.
    assert told <= size_bytes * 1.0001 and told == pytest.approx(size_bytes, rel=2e-3)


def test_files_of_a_variant_are_those_of_half_the_size_where_there_are_any():
    small, plain = manifest_for("text_to_video_ms"), manifest_for("wan21_t2v_1_3b")
    assert manifest_for("mochi_1_preview").size_bytes("transformer", "bf16") == 20_055_355_488
    assert small.has_variant("unet", "fp16") and not small.is_only_in("unet", "fp16")
    assert small.size_bytes("unet", "fp16") * 2 == small.size_bytes("unet")
    assert not plain.has_variant("transformer", "fp16")
    assert plain.size_bytes("transformer", "fp16") == plain.size_bytes("transformer")
    assert plain.size_bytes("tokenizer") == 0


@pytest.mark.parametrize("option", OPTIONS)
def test_its_family_takes_it_for_a_checkpoint(option):
    one = driven(option)
    one.check()
    one.check_classes()
    modules = {name for name in one.components() if one.checkpoint.parameters(name)}
    assert modules == set(COUNTS[option])
    used = {*one.encode_components, *one.denoise_components(from_image=True), *one.decode_components}
    assert used >= modules - {"motion_adapter"}


@pytest.mark.parametrize("option", OPTIONS)
def test_its_scheduler_is_the_checkpoints_with_the_changes_of_the_option(option):
    one, wanted = driven(option), conf(option)["scheduler"]
    made = one.scheduler()
    assert type(made).__name__ == (wanted.get("name") or one.checkpoint.index["scheduler"][1])
    own = one.checkpoint.config("scheduler")
    expected = {**{name: own[name] for name in own if name in made.config}, **wanted.get("config", {})}
    told = dict(made.config)
    assert {name: told[name] for name in expected if name != "_class_name"} == {
        name: value for name, value in expected.items() if name != "_class_name"
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_a_pipeline_is_put_together_with_shells_of_its_components(option):
    one = driven(option)
    pipeline = one.build(one.pipeline, {}, config_only=(*one.denoisers, *one.decoders))
    config = one.checkpoint.config("vae")
    told = {name: pipeline.vae.config[name] for name in config if name != "_class_name"}
    assert json.loads(json.dumps(told)) == {name: config[name] for name in told}
    assert not isinstance(pipeline.vae, torch.nn.Module)


def test_constants_of_the_pipeline_are_those_of_the_checkpoint():
    constants = {option: manifest_for(option).index.get("boundary_ratio") for option in OPTIONS}
    assert {option for option, value in constants.items() if value} == {"wan22_i2v_a14b", "wan22_t2v_a14b"}
    experts = driven("wan22_t2v_a14b")
    assert experts.build("WanPipeline", {}, config_only=experts.decoders).config.boundary_ratio == 0.875
    assert driven("wan22_ti2v_5b").build("WanPipeline", {}, config_only=("vae",)).config.expand_timesteps is True


def test_the_negative_prompt_counts_as_the_checkpoint_decides():
    assert driven("hunyuan_video_15").uses_negative_prompt(6.0) and not driven("hunyuan_video_15").uses_negative_prompt(
        1
    )
    assert not driven("hunyuan_video").uses_negative_prompt(6.0)


def test_memory_options_are_checked_against_it_as_against_a_checkpoint():
    driven("cogvideox_5b", quantization={"transformer": "fp8", "text_encoder": "fp8"}, vae_tiling=True).check()
    with pytest.raises(VgpipeError, match=r"tokenizer.*one of: text_encoder, transformer, vae"):
        driven("cogvideox_5b", quantization={"tokenizer": "fp8"}).check()


def test_a_checkpoint_of_the_users_own_has_none(tmp_path, monkeypatch):
    model = conf("animatediff_sd15")
    assert manifest_of("animatediff_sd15", "emilianJR/epiCRealism") is None
    assert manifest_of("animatediff_sd15", model["id"], {"motion_adapter": "wangfuyun/AnimateLCM"}) is None
    assert manifest_of("animatediff_sd15", model["id"], {}) is None
    assert manifest_of("generic", "genmo/mochi-1-preview") is None
    assert manifest_of("shapes", "embedded:shapes") is None
    monkeypatch.chdir(tmp_path)
    assert manifest_of("animatediff_sd15", model["id"]) is not None
    (tmp_path / model["id"]).mkdir(parents=True)  # a folder of that name is what would be loaded
    assert manifest_of("animatediff_sd15", model["id"]) is None


def test_it_names_no_artifact_and_holds_no_file():
    one = driven("wan21_t2v_1_3b")
    with pytest.raises(LoadError, match=r"transformer of Wan-AI/.* is known from its manifest only, not downloaded"):
        one.identity("transformer")
    with pytest.raises(LoadError, match="not downloaded"):
        one.checkpoint.files("vae", None)
    with pytest.raises(ModelError, match=r"Wan-AI/.*holds no config of image_encoder"):
        one.checkpoint.config("image_encoder")


def test_a_component_that_its_index_names_and_nothing_describes_is_refused():
    told = json.loads((CONF / "components/wan21_t2v_1_3b.json").read_text())
    del told["components"]["vae"]
    with pytest.raises(LoadError, match="holds no config of vae"):
        CheckpointManifest(told).require(["transformer", "tokenizer", "scheduler", "text_encoder", "vae"])
    with pytest.raises(ModelError, match="has no unet"):
        CheckpointManifest(told).require(["unet"])


def test_an_outline_of_another_version_is_refused(tmp_path, monkeypatch):
    told = json.loads((CONF / "components/wan21_t2v_1_3b.json").read_text())
    (tmp_path / "components").mkdir()
    (tmp_path / "components/wan21_t2v_1_3b.json").write_text(json.dumps({**told, "schema": 2}))
    monkeypatch.setattr(outlines, "files", lambda _package: tmp_path)
    with pytest.raises(ModelError, match=r"of schema 2, and 1 is needed"):
        manifest_of("wan21_t2v_1_3b", told["repo_id"])


def test_reading_one_imports_no_model_library():
    program = (
        "import sys; from vgpipe.models.checkpoint.manifest import manifest_of; "
        "from vgpipe.models.base import Settings; from vgpipe.models.registry import family; "
        "one = family('wan', manifest_of('wan21_t2v_14b', 'Wan-AI/Wan2.1-T2V-14B-Diffusers'), Settings()); "
        "one.check(); "
        "assert one.checkpoint.config('transformer')['num_layers'] == 40; "
        "print(sorted({'torch', 'diffusers', 'transformers', 'accelerate'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
