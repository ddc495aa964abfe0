"""What cannot be loaded as asked: tried otherwise as far as `run.degrade` allows, and always said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.clip_state import ClipState
from vgpipe.models.families.wan import WanFamily
from vgpipe.models.weights.precision import dtypes_to_try, variant_for

JOB = "prompts:\n  - {prompt: a red circle, seed: 1}\n  - {prompt: a blue circle, seed: 2}\n"


@pytest.fixture
def job(workdir: Path) -> str:
    (workdir / "job.yaml").write_text(JOB)
    return "job=job.yaml"


@pytest.fixture
def copy(tiny_wan: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_wan, tmp_path / "model"))


@pytest.fixture
def run(vgpipe, job):
    small = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2", "checks=off")
    return lambda folder, *more: vgpipe(job, f"model.id={folder}", *small, *more)


def with_fp16(folder: Path, component: str, *, keep_plain: bool = True) -> None:
    """Adds fp16 files to a component, as `save_pretrained(variant="fp16")` does."""
    from safetensors.torch import load_file, save_file

    for plain in (folder / component).glob("*.safetensors"):
        halves = {name: tensor.half() for name, tensor in load_file(plain).items()}
        save_file(halves, plain.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
        if not keep_plain:
            plain.unlink()


def kinds(record: dict) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["asked"], one["got"]) for one in record["degradations"]]


def test_the_first_safe_precision_that_the_device_has_is_taken():
    assert dtypes_to_try("auto", ["bfloat16", "float16", "float32"], ["float16", "float32"]) == ["float16", "float32"]
    assert dtypes_to_try("auto", ["bfloat16"], ["float32"]) == ["float32"]
    assert dtypes_to_try("float16", ["bfloat16"], ["float32"]) == ["float16"]
    assert variant_for("auto", "float16") == "fp16" and variant_for("auto", "bfloat16") is None
    assert variant_for("ema", "bfloat16") == "ema"


def test_overflow_in_one_precision_is_tried_again_in_the_next_and_said(run, tiny_wan, monkeypatch):
    original = WanFamily.denoise

    def overflows(self, parts, scheduler, request):
        latents = original(self, parts, scheduler, request)
        is_bad = self.settings.dtype == "bfloat16" and request.generator.initial_seed() == 2
        return latents * float("nan") if is_bad else latents

    monkeypatch.setattr(WanFamily, "denoise", overflows)
    auto = ("model.dtype=auto", "model.safe_dtypes=[bfloat16,float32]")
    ran = run(tiny_wan, *auto)
    assert ran.code == 0, ran.err
    first, second = ran.records()
    assert first["degradations"] == [] and kinds(second) == [("dtype", "bfloat16", "float32")]
    assert "not finite" in second["degradations"][0]["reason"] and "degraded: dtype float32" in ran.err
    assert first["artifacts"]["latents"] != second["artifacts"]["latents"]
    assert run(tiny_wan, *auto, "run.degrade=strict", "store.dir=other").code == 1


def test_a_precision_that_the_user_typed_is_never_changed(run, tiny_wan, monkeypatch):
    original = WanFamily.denoise
    monkeypatch.setattr(WanFamily, "denoise", lambda *given: original(*given) * float("nan"))
    ran = run(tiny_wan, "model.dtype=bfloat16")
    assert ran.code == 1
    assert all(record["degradations"] == [] and "not finite" in record["error"] for record in ran.records())


def test_fp16_files_are_taken_for_float16_and_a_torn_one_falls_back_to_the_plain_files(run, copy, tmp_path):
    with_fp16(copy, "transformer")
    fp16 = next((copy / "transformer").glob("*.fp16.safetensors"))
    data = fp16.read_bytes()
    ran = run(copy, "model.dtype=float16", "exporter=frames")
    assert ran.code == 0 and kinds(ran.records()[0]) == []
    fp16.write_bytes(data[:-9])
    torn = run(copy, "model.dtype=float16", "exporter=frames", "store.dir=other", f"hydra.run.dir={tmp_path}/again")
    assert torn.code == 0, torn.err
    assert kinds(torn.records()[0]) == [("variant", "fp16", "the plain weight files")]
    assert "truncated" in torn.records()[0]["degradations"][0]["reason"]
    strict = run(copy, "model.dtype=float16", "run.degrade=strict")
    assert strict.code == 2 and "truncated" in strict.err


def test_a_checkpoint_that_has_only_fp16_files_is_loaded_from_them(run, copy):
    with_fp16(copy, "transformer", keep_plain=False)
    assert run(copy).code == 0


def test_a_variant_that_is_nowhere_is_named(run, copy):
    ran = run(copy, "model.variant=ema", "run.degrade=strict")
    assert ran.code == 2 and "has no ema weight files -> model.variant=null" in ran.err
    assert kinds(run(copy, "model.variant=ema").records()[0]) == [("variant", "ema", "the plain weight files")]


def break_tensor(folder: Path) -> None:
    """Leaves the file whole but its content wrong: only loading finds it."""
    from safetensors.torch import load_file, save_file

    path = next((folder / "vae").glob("*.safetensors"))
    tensors = load_file(path)
    tensors.pop(next(name for name in tensors if "conv_in" in name))
    save_file(tensors, path, metadata={"format": "pt"})


def test_a_model_that_cannot_be_loaded_fails_its_clips_once_each_and_keeps_their_latents(run, copy):
    break_tensor(copy)
    ran = run(copy, "executor.canary=false")
    assert ran.code == 1
    assert all(
        "vae cannot be loaded" in record["error"] and "missing tensors" in record["error"] for record in ran.records()
    )
    assert ran.err.count("Traceback") == 0


def test_with_any_a_marked_placeholder_stands_in_for_a_model_that_cannot_be_loaded(run, copy):
    break_tensor(copy)
    ran = run(copy, "run.degrade=any", "exporter=frames", "model.name=mine")
    assert ran.code == 0, ran.err
    for record in ran.records():
        assert record["state"] == "done" and record["model"] == "mine"
        assert kinds(record) == [("model", "mine", "shapes")]
        assert "vae cannot be loaded" in record["degradations"][0]["reason"]
        assert record["files"]["frames"].endswith("-placeholder") and "placeholder" not in record["clip"]
    assert "placeholder" in ran.out


def test_a_placeholder_is_made_anew_once_the_model_works(run, copy, tiny_wan, tmp_path):
    vae = next((copy / "vae").glob("*.safetensors"))
    whole = vae.read_bytes()
    break_tensor(copy)
    ran = run(copy, "run.degrade=any", "model.name=mine", f"hydra.run.dir={tmp_path}/run")
    assert ran.code == 0
    vae.write_bytes(whole)
    again = run(copy, "run.degrade=any", "model.name=mine", f"hydra.run.dir={tmp_path}/run")
    assert again.code == 0 and [record["degradations"] for record in again.records()] == [[], []]
    assert all("placeholder" not in record["files"]["mp4"] for record in again.records())


def test_a_folder_that_is_not_there_is_an_error_unless_another_model_may_stand_in(run, tmp_path):
    ran = run(tmp_path / "nowhere")
    assert ran.code == 2 and "is not a checkpoint folder" in ran.err
    ran = run(tmp_path / "nowhere", "run.degrade=any", "model.name=mine")
    assert ran.code == 0 and kinds(ran.records()[0]) == [("model", "mine", "shapes")]


def test_in_a_sweep_the_other_models_go_on(vgpipe, job, tiny_wan, tmp_path, workdir):
    small = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2", "checks=off")
    ran = vgpipe("-m", job, f"model.id={tmp_path}/nowhere,{tiny_wan}", *small)
    assert ran.code == 1 and "is not a checkpoint folder" in ran.err
    records = [json.loads(line) for path in workdir.rglob("clips.jsonl") for line in path.read_text().splitlines()]
    assert [record["state"] for record in records] == ["done", "done"]


def test_the_watermark_is_on_every_frame_and_readable():
    import numpy as np

    from vgpipe.exporters.watermark import watermark

    for size in ((32, 32), (64, 64), (480, 832)):
        frames = np.full((3, *size, 3), 127, dtype="uint8")
        mark = watermark("PLACEHOLDER", width=size[1], height=size[0])
        marked = [mark(frame) for frame in frames]
        assert (frames == 127).all()
        for frame in marked:
            assert (frame == 255).any() and (frame == 0).any()
            assert ((frame != 127).any(-1).any(0)).mean() > 0.5  # across half the width


AUTO = ("model.dtype=auto", "model.safe_dtypes=[bfloat16,float32]")
UNPLANNED = "run.plan=off"  # the planner denoises without values, where no test before has cached what it finds


@pytest.fixture
def denoised(monkeypatch):
    """(precision, seed) of every clip that was denoised in full, in runs that are `UNPLANNED`."""
    original, seen = WanFamily.denoise, []

    def spy(self, parts, scheduler, request):
        seen.append((self.settings.dtype, request.generator.initial_seed()))
        latents = original(self, parts, scheduler, request)
        overflows = self.settings.dtype == "bfloat16" and seen[-1][1] == 2
        return latents * float("nan") if overflows else latents

    monkeypatch.setattr(WanFamily, "denoise", spy)
    return seen


def test_what_was_finished_one_step_down_is_never_made_again(run, tiny_wan, denoised, tmp_path):
    assert run(tiny_wan, *AUTO, UNPLANNED, f"hydra.run.dir={tmp_path}/a", "executor.canary=false").code == 0
    assert denoised == [("bfloat16", 1), ("bfloat16", 2), ("float32", 2)]
    denoised.clear()
    again = run(tiny_wan, *AUTO, UNPLANNED, f"hydra.run.dir={tmp_path}/b", "executor.canary=false")
    assert again.code == 0 and denoised == []
    assert kinds(again.records()[1]) == [("dtype", "bfloat16", "float32")]


def test_a_deadline_does_not_unfinish_what_was_finished_one_step_down(vgpipe, run, tiny_wan, denoised, tmp_path):
    first = run(tiny_wan, *AUTO, f"hydra.run.dir={tmp_path}/a")
    resumed = vgpipe("resume", tmp_path / "a", "run.budget=0s")
    assert resumed.code == 0 and resumed.records()[1]["degradations"] != []
    assert [one["state"] for one in resumed.records()] == [one["state"] for one in first.records()] == ["done"] * 2


def test_a_stop_in_the_middle_of_trying_leaves_the_run_resumable(vgpipe, run, tiny_wan, monkeypatch, tmp_path):
    from vgpipe.executor.cancel_token import CancelToken

    original = WanFamily.denoise

    def stops(self, parts, scheduler, request):
        latents = original(self, parts, scheduler, request)
        monkeypatch.setattr(CancelToken, "__call__", lambda self: bool(self.cancel("told to") or True))
        return latents * float("nan") if self.settings.dtype == "bfloat16" else latents

    monkeypatch.setattr(WanFamily, "denoise", stops)
    ran = run(tiny_wan, *AUTO, f"hydra.run.dir={tmp_path}/a", "executor.canary=false")
    assert ran.code == 3 and "resume" in ran.err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert vgpipe("resume", tmp_path / "a").code == 0


def test_a_load_that_fails_once_changes_nothing(run, tiny_wan, denoised, monkeypatch):
    from vgpipe.executor import component_loader

    original, tries = component_loader.load_component, []

    def hiccup(checkpoint, component, *how):
        if component == "vae":
            tries.append(component)
            if len(tries) == 1:
                from vgpipe.errors import LoadError

                raise LoadError("vae cannot be loaded: Stale file handle -> try again", "vae")
        return original(checkpoint, component, *how)

    monkeypatch.setattr(component_loader, "load_component", hiccup)
    ran = run(tiny_wan, "model.dtype=auto", "model.safe_dtypes=[float32]", "memory=staged", "executor.wave_size=1")
    assert ran.code == 0, ran.err
    assert all(record["degradations"] == [] for record in ran.records())


def test_nothing_is_denoised_for_a_decoder_that_is_dead(run, copy, denoised, workdir):
    break_tensor(copy)
    (workdir / "job.yaml").write_text("prompts:\n" + "".join(f"  - {{prompt: circle, seed: {n}}}\n" for n in range(6)))
    ran = run(copy, "executor.canary=false", "executor.wave_size=1", "memory=staged", UNPLANNED)
    assert ran.code == 1 and len(denoised) == 2
    assert all("vae cannot be loaded" in record["error"] for record in ran.records())


def test_frames_that_are_no_numbers_never_pass_for_black_ones(run, tiny_wan, monkeypatch):
    from diffusers import AutoencoderKLWan

    original = AutoencoderKLWan.decode

    def overflows(self, z, return_dict=True):
        found = original(self, z, return_dict=return_dict)
        return (found[0] * float("nan"),) if self.dtype.itemsize == 2 else found

    monkeypatch.setattr(AutoencoderKLWan, "decode", overflows)
    assert run(tiny_wan, "model.dtype=bfloat16").code == 1
    ran = run(tiny_wan, *AUTO)
    assert ran.code == 0 and kinds(ran.records()[0]) == [("dtype", "bfloat16", "float32")]
    assert "decoded frames are not finite" in ran.err


def test_a_checkpoint_that_changes_during_the_run_is_noticed(run, copy, monkeypatch):
    import os

    from vgpipe.executor.engine import Engine

    original = Engine.run_wave

    def swapped(self, *given):
        weights = next((copy / "transformer").glob("*.safetensors"))
        os.utime(weights)
        return original(self, *given)

    monkeypatch.setattr(Engine, "run_wave", swapped)
    ran = run(copy)
    assert ran.code == 1 and "has changed since the run began" in ran.records()[0]["error"]


def test_a_faulty_fallback_is_told_before_anything_starts(run, tiny_wan, workdir):
    ran = run(tiny_wan, "run.degrade=any", "model.fallback=[nonsense]")
    assert ran.code == 2 and "nonsense" in ran.err and not (workdir / "outputs").exists()


def test_fallbacks_are_tried_in_order_and_the_placeholder_last(run, tmp_path):
    ran = run(
        tmp_path / "nowhere", "run.degrade=any", "model.name=mine", "model.fallback=[cogvideox_5b_i2v,wan21_t2v_1_3b]"
    )
    assert ran.code == 0 and kinds(ran.records()[0]) == [("model", "mine", "shapes")]  # no hub here for the others
    made = ran.records()[0]["made"]
    assert made["model"] == "shapes" and made["num_inference_steps"] == 20


def test_a_placeholder_of_an_earlier_go_never_stays_beside_a_failure_or_the_clip(run, copy, tmp_path):
    break_tensor(copy)
    same = ("model.name=mine", f"hydra.run.dir={tmp_path}/run")
    assert run(copy, "run.degrade=any", *same).code == 0
    assert len(list((tmp_path / "run/videos").iterdir())) == 2
    ran = run(copy, *same)
    assert ran.code == 1 and list((tmp_path / "run/videos").iterdir()) == []
    assert all(record["files"] == {} for record in ran.records()) and "vae cannot be loaded" in ran.out


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.pipeline_kwargs.num_frames=9", "given by the clip or by vgpipe"),
        ("model.pipeline_kwargs.output_type=pil", "given by the clip or by vgpipe"),
        ("model.pipeline_kwargs.x=nan", "NaN and infinities are not"),
        ("model.component_dtypes.vea=float32", "there is no such component -> one of: scheduler"),
    ],
)
def test_settings_that_nothing_takes_are_told_before_anything_starts(run, tiny_wan, workdir, override, told):
    ran = run(tiny_wan, override)
    assert ran.code == 2 and told in ran.err and not (workdir / "outputs").exists()


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.scheduler.config.flowshift=3", "takes no flowshift"),
        ("model.pipeline_kwargs.decode_timestep=0.1", "takes no decode_timestep"),
        ("model.scheduler.name=Nonsense", "'Nonsense' is no scheduler of the installed diffusers -> one of: "),
    ],
)
def test_settings_that_no_class_takes_are_told_before_anything_is_loaded(run, tiny_wan, denoised, override, told):
    ran = run(tiny_wan, override)
    assert ran.code == 2 and told in ran.err and "loaded tokenizer" not in ran.err


def test_causes_hold_no_frames_that_would_keep_the_model_in_memory():
    from vgpipe.errors import LoadError

    failed, out_of_memory = ClipState(PLAIN, [None]), ClipState(PLAIN, [None])
    try:
        raise LoadError("torn", "vae")
    except LoadError as error:
        failed.fail("vae: torn", error)
    cause = failed.cause
    assert cause.__traceback__ is None and cause.component == "vae" and str(cause) == "torn"
    out_of_memory.fail("no memory", MemoryError())
    assert failed.needs_other_loading and not out_of_memory.needs_other_loading


def test_relative_places_are_resumable_from_anywhere(vgpipe, run, copy, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    shutil.move(copy / "vae", tmp_path / "vae")
    shutil.copytree(tmp_path / "vae", copy / "vae")
    here = f"hydra.run.dir={tmp_path}/run"
    assert run("model", "model.components.vae={id: .,subfolder: vae}", here, "run.budget=0s").code == 3
    monkeypatch.chdir(tmp_path / "other")
    assert vgpipe("resume", tmp_path / "run").code == 0


def test_a_resumed_run_may_be_allowed_to_degrade_further(vgpipe, run, copy, tmp_path):
    break_tensor(copy)
    assert run(copy, "model.name=mine", f"hydra.run.dir={tmp_path}/run").code == 1
    ran = vgpipe("resume", tmp_path / "run", "run.degrade=any")
    assert ran.code == 0 and kinds(ran.records()[0]) == [("model", "mine", "shapes")]
    assert "run.until=..., run.budget=..., run.degrade=..." in vgpipe("resume", tmp_path / "run", "model=shapes").err
