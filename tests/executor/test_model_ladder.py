"""What cannot be loaded as asked: tried otherwise as far as `run.degrade` allows, and always said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vgpipe.models.precision import dtypes_to_try, variant_for
from vgpipe.models.wan import WanFamily

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
    small = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2")
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
    assert ran.code == 2 and "no checkpoint folder" in ran.err
    ran = run(tmp_path / "nowhere", "run.degrade=any", "model.name=mine")
    assert ran.code == 0 and kinds(ran.records()[0]) == [("model", "mine", "shapes")]


def test_in_a_sweep_the_other_models_go_on(vgpipe, job, tiny_wan, tmp_path, workdir):
    small = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2")
    ran = vgpipe("-m", job, f"model.id={tmp_path}/nowhere,{tiny_wan}", *small)
    assert ran.code == 1 and "no checkpoint folder" in ran.err
    records = [json.loads(line) for path in workdir.rglob("clips.jsonl") for line in path.read_text().splitlines()]
    assert [record["state"] for record in records] == ["done", "done"]


def test_the_watermark_is_on_every_frame_and_readable():
    import numpy as np

    from vgpipe.exporters.watermark import watermarked

    for size in ((32, 32), (64, 64), (480, 832)):
        frames = np.full((3, *size, 3), 127, dtype="uint8")
        marked = watermarked(frames, "PLACEHOLDER")
        assert (frames == 127).all()
        for frame in marked:
            assert (frame == 255).any() and (frame == 0).any()
            assert ((frame != 127).any(-1).any(0)).mean() > 0.5  # across half the width
