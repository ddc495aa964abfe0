"""Any pipeline of diffusers: driven stage by stage or run whole, with the stock call's bits."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.models.pairs import Pair, settings_of
from tests.tiny import build
from tests.tiny.others import latte
from tests.tiny.stable_diffusion import stable_diffusion, text_to_video_zero
from vgpipe.errors import ModelError, PrecisionError, Stopped
from vgpipe.models.families import generic
from vgpipe.models.families.generic_by_stage import GenericByStage
from vgpipe.models.families.generic_whole import GenericWhole
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.stages.keys import text_key

GUIDED = Case("blue square moving left", "red", 7, 4.5, width=48, height=32, num_frames=7)
CASES = [
    Case("a small red circle", width=32, height=32, num_frames=7),
    GUIDED,
    Case("circle", "", 1234567, 1.0, width=32, height=16, num_frames=13),
]
NAMES = ["square", "guided", "unguided"]
SHORT = Case("a red circle", "blue", 3, 7.5, width=32, height=16, num_frames=4)


def pair(folder: Path, family: str = "generic", dtype: str = "float32", **kwargs: object) -> Pair:
    from diffusers import DiffusionPipeline

    settings = settings_of("generic", dtype=dtype, pipeline_kwargs=dict(kwargs))
    absent = {"safety_checker": None} if "safety_checker" in (folder / "model_index.json").read_text() else {}
    stock = DiffusionPipeline.from_pretrained(folder, torch_dtype=getattr(torch, dtype), **absent)
    return Pair(drive(family, folder, settings), stock, kwargs)


@pytest.fixture(scope="module")
def mochi_folder(tmp_path_factory) -> Path:
    return build("generic", tmp_path_factory.mktemp("mochi"))


@pytest.fixture(scope="module")
def latte_folder(tmp_path_factory) -> Path:
    return latte(tmp_path_factory.mktemp("latte"))


@pytest.fixture(scope="module")
def zero_folder(tmp_path_factory) -> Path:
    return text_to_video_zero(tmp_path_factory.mktemp("zero"))


@pytest.fixture(scope="module")
def mochi(mochi_folder) -> Pair:
    return pair(mochi_folder)


# Stage by stage.


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_staged_pipeline_equals_the_stock_one(mochi, case):
    assert isinstance(mochi.driven.family, GenericByStage)
    mochi.assert_equal(case)


def test_a_staged_pipeline_loads_each_component_for_its_stage_alone(mochi):
    family = mochi.driven.family
    assert set(family.encode_components) == {"tokenizer", "text_encoder"}
    assert (family.denoise_components(from_image=False), family.decode_components) == (("transformer",), ("vae",))


def test_a_staged_pipeline_goes_on_from_any_step(mochi):
    assert_resumes(mochi.driven, GUIDED, [1, 2, 3, 4, 5, 6])


def test_a_staged_pipeline_equals_the_stock_one_in_bfloat16(mochi_folder):
    pair(mochi_folder, dtype="bfloat16").assert_equal(GUIDED)


def test_wan_without_its_family_equals_the_stock_pipeline(tiny_wan):
    wan = pair(tiny_wan)
    assert isinstance(wan.driven.family, GenericByStage)
    wan.assert_equal(replace(GUIDED, num_frames=9))
    assert_resumes(wan.driven, replace(GUIDED, num_frames=9), [1, 4, 6])


def test_each_text_is_encoded_in_the_role_that_it_plays(mochi_folder, mochi, monkeypatch):
    """As SanaVideo does, which puts instructions before its prompts and none before what they are not."""
    from diffusers import MochiPipeline

    usual = mochi.latents_of(GUIDED)
    original = MochiPipeline.encode_prompt

    def encode_prompt(self, prompt, negative_prompt=None, **kwargs):
        told = None if prompt is None else f"large {prompt}"
        return original(self, told, negative_prompt=negative_prompt, **kwargs)

    monkeypatch.setattr(MochiPipeline, "encode_prompt", encode_prompt)
    instructed = pair(mochi_folder)
    instructed.assert_equal(GUIDED)
    assert not torch.equal(instructed.latents_of(GUIDED), usual)


@pytest.mark.parametrize(
    ("option", "dtype", "kwargs"),
    [
        ("cogvideox_5b", "bfloat16", {}),
        ("ltx_video_2b", "float32", {"frame_rate": 8}),
        ("hunyuan_video", "bfloat16", {}),
    ],
)
def test_pipelines_of_other_families_equal_the_stock_ones(tmp_path, option, dtype, kwargs):
    one = pair(build(option, tmp_path), dtype=dtype)
    one.kwargs.update(kwargs)
    case = Case("a small red circle", "blue", 3, 4.5, width=64, height=32, num_frames=9)
    assert isinstance(one.driven.family, GenericByStage)
    one.assert_equal(case)
    assert_resumes(one.driven, case, [1, 3, 6])


def test_arguments_of_the_call_reach_the_text_encoder(mochi_folder, mochi):
    short = pair(mochi_folder, max_sequence_length=4)
    short.assert_equal(GUIDED)
    assert not torch.equal(short.latents_of(GUIDED), mochi.latents_of(GUIDED))
    keys = [text_key(one.driven.family, "red") for one in (short, mochi)]
    assert keys[0].digest != keys[1].digest


# Whole.


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_pipeline_that_cannot_be_staged_is_run_whole(latte_folder, case):
    assert_whole_equals(pair(latte_folder), replace(case, num_frames=4), video_length=4)


def test_any_pipeline_can_be_run_whole(mochi_folder):
    assert_whole_equals(pair(mochi_folder, "generic_whole"), GUIDED)


@pytest.mark.parametrize("change", [{}, {"seed": 8}, {"negative_prompt": ""}, {"width": 24}])
def test_another_name_for_the_length_and_the_frames_is_understood(zero_folder, change):
    case = replace(SHORT, **change)
    zero = pair(zero_folder, t0=2, t1=4)
    stock = zero.pipeline(
        prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
        video_length=case.num_frames, num_inference_steps=case.num_inference_steps, output_type="np",
        guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed), t0=2, t1=4,
    ).images  # fmt: skip
    assert stock.shape == (4, case.height, case.width, 3) and np.ptp(stock) > 0.1
    assert_frames_equal(zero.driven, case, stock)


def test_a_pipeline_with_a_guider_is_run_whole(tmp_path, caplog):
    import diffusers

    if not hasattr(diffusers, "HunyuanVideo15Pipeline"):
        pytest.skip(f"diffusers {diffusers.__version__} has no HunyuanVideo15Pipeline")
    guided = pair(build("hunyuan_video_15", tmp_path))
    assert_whole_equals(guided, Case("a red circle", "blue", 3, 6.0, width=32, height=32, num_frames=5))
    guided.driven.family.check_classes()
    assert "its call takes no guidance_scale" in caplog.text.replace("HunyuanVideo15Pipeline's", "its")


def assert_whole_equals(whole: Pair, case: Case, **length: int) -> None:
    assert isinstance(whole.driven.family, GenericWhole)
    stock = whole.stock(case, "np", **length)[0]
    assert np.ptp(stock) > 0.1
    assert_frames_equal(whole.driven, case, stock)


def assert_frames_equal(driven: Driven, case: Case, stock_THWC: np.ndarray) -> None:
    frames = torch.from_numpy((stock_THWC * 255).round().astype("uint8"))
    assert_equals_stock(driven, case, frames, stock_THWC)


def test_steps_are_told_and_say_that_nothing_goes_on_from_them(latte_folder):
    told = whole_steps(latte_folder)
    assert told == [(step, None) for step in range(1, GUIDED.num_inference_steps + 1)]


def test_a_step_may_stop_it(latte_folder):
    def stop(_steps: int, _latents: object) -> None:
        raise Stopped("stopped")

    with pytest.raises(Stopped):
        whole_steps(latte_folder, stop)


def whole_steps(folder: Path, on_step_end=None) -> list:
    from vgpipe.models.base import DenoiseRequest
    from vgpipe.models.resumable import ResumableScheduler

    driven, told = drive("generic", folder, settings_of("generic")), []
    family = driven.family
    family.denoise(
        driven.of(family.denoise_components(from_image=False)),
        ResumableScheduler(family.scheduler()),
        DenoiseRequest(
            embeds=family.encode({}, "rot, grün"), negative_embeds=family.encode({}, ""), width=16, height=16,
            num_frames=4, fps=8, num_inference_steps=GUIDED.num_inference_steps, guidance_scale=3.0,
            generator=torch.Generator().manual_seed(0), latents=None, frames_NHWC=None,
            on_step_end=on_step_end or (lambda steps, latents: told.append((steps, latents))),
        ),
    )  # fmt: skip
    return told


def test_frames_that_are_not_finite_are_an_error_of_precision(latte_folder):
    driven = drive("generic", latte_folder, settings_of("generic"))
    transformer = driven.of(("transformer",))["transformer"]
    torch.nn.init.constant_(transformer.proj_out.weight, float("nan"))
    with pytest.raises(PrecisionError, match="not finite"):
        driven.latents(replace(GUIDED, num_frames=4))


def test_the_way_it_is_driven_is_part_of_the_key(mochi_folder, mochi):
    whole = drive("generic_whole", mochi_folder, settings_of("generic"))
    ways = [one.denoise_identity(from_image=False)["way"] for one in (whole.family, mochi.driven.family)]
    assert ways == ["Whole", "Staged"]


# What it says, and what it refuses.


def test_it_says_how_a_pipeline_is_driven_and_what_its_own_defaults_are(mochi_folder, latte_folder, caplog):
    caplog.set_level(logging.INFO, "vgpipe")
    drive("generic", mochi_folder, settings_of("generic")).family.check_classes()
    assert "MochiPipeline is driven stage by stage: encode: text_encoder, tokenizer; " in caplog.text
    assert "num_frames=19, num_inference_steps=64, guidance_scale=4.5" in caplog.text
    drive("generic", latte_folder, settings_of("generic")).family.check_classes()
    assert "LattePipeline is run whole: its encode_prompt does not say in one return what it gives" in caplog.text


def test_a_pipeline_without_prompt_embeds_is_said_to_be_run_whole(zero_folder, caplog):
    caplog.set_level(logging.INFO, "vgpipe")
    drive("generic", zero_folder, settings_of("generic")).family.check_classes()
    assert "TextToVideoZeroPipeline is run whole: its call takes no prompt_embeds" in caplog.text


SOUND = {"audio_vae": ["diffusers", "AutoencoderKL"], "vocoder": ["stable_diffusion", "Vocoder"]}


@pytest.mark.parametrize(
    ("name", "entries", "kwargs", "told"),
    [
        ("LTX2Pipeline", SOUND, {}, "LTX2Pipeline makes sound with its audio_vae and vocoder, and vgpipe keeps"),
        ("LTX2Pipeline", {"vocoder": [None, None]}, {}, None),
        ("Kandinsky6TI2VAPipeline", SOUND, {}, "Kandinsky6TI2VAPipeline makes sound with its audio_vae and vocoder"),
        ("Kandinsky6TI2VAPipeline", SOUND, {"sample_audio": False}, None),
        ("MochiPipeline", SOUND, {}, None),
    ],
)  # fmt: skip
def test_sound_that_a_pipeline_makes_is_said_to_be_lost(tmp_path, name, entries, kwargs, told):
    import diffusers

    if not hasattr(diffusers, name):
        pytest.skip(f"diffusers {diffusers.__version__} has no {name}")
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name, **entries}))
    settings = settings_of("generic", pipeline_kwargs=kwargs)
    left_out = generic.family(open_checkpoint(Origin(str(tmp_path))), settings).left_out()
    assert (left_out or "").startswith(told or "") and (left_out is None) == (told is None)


@pytest.mark.parametrize(("fields", "told"), [(("frames", "audio"), "makes sound, and vgpipe"), (("frames",), None)])
def test_sound_without_a_component_of_its_own_is_known_from_the_output(mochi_folder, monkeypatch, fields, told):
    source = replace(generic.read_source("MochiPipeline"), outputs=fields)
    monkeypatch.setattr(generic, "read_source", lambda name: source)
    left_out = drive("generic", mochi_folder, settings_of("generic")).family.left_out()
    assert (told or "") in (left_out or "") and (left_out is None) == (told is None)


def test_classes_of_other_libraries_are_never_loaded(zero_folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, "vgpipe")
    folder = with_index(zero_folder, tmp_path, safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"])
    driven = drive("generic", folder, settings_of("generic", pipeline_kwargs={"t0": 2, "t1": 4}))
    driven.family.check_classes()
    assert "safety_checker is never loaded" in caplog.text
    assert "safety_checker" not in driven.family.components()
    driven.latents(SHORT)


def with_index(source: Path, target: Path, **changes: object) -> Path:
    folder = Path(shutil.copytree(source, target / "checkpoint"))
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, **changes}))
    return folder


def test_a_text_to_image_pipeline_is_refused(tmp_path):
    with pytest.raises(
        ModelError,
        match=r"StableDiffusionPipeline is no pipeline that makes a video .* alone, its call takes no num_frames",
    ):
        drive("generic", stable_diffusion(tmp_path))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "StableAudioPipeline",
            "StableAudioPipeline is no pipeline that makes a video .* alone, its call takes no num_frames",
        ),
        ("LucyEditPipeline", "LucyEditPipeline is no .* its call needs more: video ->"),
        (
            "AnimateDiffControlNetPipeline",
            "AnimateDiffControlNetPipeline is no .* its call needs more: conditioning_fr",
        ),
        ("SanaWMPipeline", "SanaWMPipeline is no .* its call needs more: intrinsics, c2w ->"),
        ("AnimateDiffVideoToVideoPipeline", "AnimateDiffVideoToVideoPipeline is no .* its call needs more: video"),
        ("CosmosTextToWorldPipeline", "needs the package cosmos_guardrail, which is not installed -> pip install cosm"),
        ("MadeUpPipeline", r"its pipeline is MadeUpPipeline, which diffusers \S+ lacks -> pip install -U diffusers"),
        ("DiffusionPipeline", "DiffusionPipeline"),
        (["pipeline_of_mine", "MyPipeline"], "names no pipeline of diffusers"),
    ],
)
def test_what_makes_no_video_from_a_text_is_refused(tmp_path, name, words):
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(ModelError, match=words):
        drive("generic", tmp_path)


# Through the command line.


def command(folder: Path, *more: str) -> list[str]:
    return [
        "model=generic", f"model.id={folder}", "checks=off",
        "model.dtype=float32", "clip.prompt=a red circle", "clip.width=32",
        "clip.height=16", "clip.num_inference_steps=2", *more,
    ]  # fmt: skip


def test_without_an_id_it_says_what_to_type(vgpipe, workdir):
    ran = vgpipe("model=generic", "clip.prompt=a")
    assert ran.code == 2
    assert "model.id: is empty, and this model has none of its own -> a folder or a repo" in ran.err
    assert not (workdir / "outputs").exists()


def test_a_staged_pipeline_runs(vgpipe, mochi_folder):
    assert_renders_and_reuses(vgpipe, *command(mochi_folder, "clip.num_frames=7"))


def test_lost_sound_is_a_degradation_in_the_log_the_record_and_the_plan(vgpipe, mochi_folder, monkeypatch):
    source = generic.read_source("MochiPipeline")
    monkeypatch.setattr(generic, "read_source", lambda name: replace(source, outputs=("frames", "audio")))
    typed = command(mochi_folder, "clip.num_frames=7")
    ran = vgpipe(*typed)
    assert ran.code == 0, ran.err
    (record,) = ran.records()
    reason = "MochiPipeline makes sound, and vgpipe keeps frames alone: no config says its rate"
    assert record["degradations"] == [
        {"kind": "audio", "asked": "the pipeline's own", "got": "no sound", "reason": reason, "stage": None}
    ]
    told = f"degraded: audio no sound in place of the pipeline's own ({reason})"
    assert told in " ".join(ran.err.split())
    assert told in json.loads((ran.root / "plan.json").read_text())["notes"]
    again = vgpipe(*typed)
    assert again.records()[0]["degradations"] == record["degradations"] and again.records()[0]["reused"]


def test_a_pipeline_is_run_whole(vgpipe, latte_folder):
    ran = vgpipe(
        *command(latte_folder, "clip.num_frames=4", "executor.checkpoint_interval_s=0", "executor.checkpoint_steps=1")
    )
    assert ran.code == 0, ran.err
    (record,) = ran.records()
    assert record["state"] == "done" and record["degradations"] == []
    assert (ran.root / record["files"]["mp4"]).stat().st_size > 0
    assert "LattePipeline is run whole: its encode_prompt" in ran.err
    again = vgpipe(*command(latte_folder, "clip.num_frames=4"))
    assert again.code == 0 and again.records()[0]["reused"]
