"""Whole runs on a tiny checkpoint: what is done is kept, what fails takes only itself along."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.models.families.wan import WanFamily

JOB = """
defaults: {seed: 3}
prompts:
  - a small red circle moving left
  - a large blue square
  - {prompt: a red square, seeds: [1, 2]}
"""


@pytest.fixture
def job(workdir: Path) -> str:
    (workdir / "job.yaml").write_text(JOB)
    return "job=job.yaml"


def calls(monkeypatch, method: str) -> list:
    """Counts the calls of one family method, which still does its work."""
    original, seen = getattr(WanFamily, method), []

    def counted(self, *args, **kwargs):
        seen.append((args, kwargs))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(WanFamily, method, counted)
    return seen


def test_a_job_becomes_playable_videos_and_records(render, job):
    ran = render(job)
    assert ran.code == 0
    assert "4 done" in ran.out
    records = ran.records()
    assert [record["state"] for record in records] == ["done"] * 4
    assert [record["seed"] for record in records] == [3, 3, 1, 2]
    for record in records:
        assert count_frames_and_secs(str(ran.root / record["files"]["mp4"]))[0] == 5
        assert set(record["seconds"]) >= {"denoise", "decode", "export"} and record["peak_ram_gb"] > 0
        assert len(record["artifacts"]["latents"]) == 64 and record["error"] is None
    events = [json.loads(line)["event"] for line in (ran.root / "events.jsonl").read_text().splitlines()]
    assert events[0] == "run_started" and events[-1] == "run_ended" and events.count("clip_done") == 4
    assert "denoise" in (ran.root / "run.log").read_text()


def test_the_same_command_again_does_no_model_work(render, job, monkeypatch):
    first = render(job)
    work = [calls(monkeypatch, method) for method in ("encode", "denoise", "decode")]
    again = render(job)
    assert again.code == 0 and work == [[], [], []]
    assert all(record["reused"] and record["state"] == "done" for record in again.records())
    for record in again.records():
        relative = record["files"]["mp4"]
        assert (again.root / relative).read_bytes() == (first.root / relative).read_bytes()


def test_changing_one_prompt_redoes_one_clip(render, job, workdir, monkeypatch):
    render(job)
    (workdir / "job.yaml").write_text(JOB.replace("blue", "red"))
    encoded, denoised = calls(monkeypatch, "encode"), calls(monkeypatch, "denoise")
    ran = render(job)
    assert (len(encoded), len(denoised)) == (1, 1)
    assert [record["reused"] for record in ran.records()] == [True, False, True, True]


def test_equal_texts_are_encoded_once_and_components_loaded_once_a_wave(render, job, monkeypatch):
    encoded = calls(monkeypatch, "encode")
    ran = render(job, "memory=staged", "executor.wave_size=2", "executor.canary=false")
    assert len(encoded) == 4  # three prompts and one negative prompt
    log = (ran.root / "run.log").read_text()
    assert log.count("loaded transformer") == 2 and log.count("loaded vae") == 2


def test_resident_loads_each_component_once(render, job):
    log = (render(job, "memory=resident", "executor.wave_size=1").root / "run.log").read_text()
    assert [log.count(f"loaded {part}") for part in ("text_encoder", "transformer", "vae")] == [1, 1, 1]


def test_strategy_wave_and_order_change_no_bits(render, job, workdir):
    def latents(ran):
        return {record["clip"]: record["artifacts"]["latents"] for record in ran.records()}

    def pixels(ran):
        folders = {record["clip"]: ran.root / record["files"]["frames"] for record in ran.records()}
        return {
            name: np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
            for name, folder in folders.items()
        }

    first = render(job, "exporter=frames", "memory=resident", "store.dir=a")
    lines = JOB.strip().splitlines()
    (workdir / "job.yaml").write_text("\n".join([*lines[:2], *reversed(lines[2:])]))
    second = render(job, "exporter=frames", "memory=staged", "executor.wave_size=3", "store.dir=b")
    assert latents(first) == latents(second)
    one, two = pixels(first), pixels(second)
    assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_one_bad_clip_never_stops_the_others(render, job, monkeypatch):
    original = WanFamily.denoise

    def sometimes(self, parts, scheduler, request):
        if request.generator.initial_seed() == 1:
            raise MemoryError("out of memory")
        return original(self, parts, scheduler, request)

    monkeypatch.setattr(WanFamily, "denoise", sometimes)
    ran = render(job)
    assert ran.code == 1
    assert [record["state"] for record in ran.records()] == ["done", "done", "failed", "done"]
    assert ran.records()[2]["error"] == "denoise: MemoryError: out of memory"
    assert "out of memory" in ran.err and "3 done, 1 failed" in ran.out
    monkeypatch.setattr(WanFamily, "denoise", original)
    assert render(job).code == 0


def test_nan_latents_fail_their_clip_and_are_never_stored(render, job, monkeypatch):
    original = WanFamily.denoise

    def nan(self, parts, scheduler, request):
        latents = original(self, parts, scheduler, request)
        return latents * float("nan") if request.generator.initial_seed() == 2 else latents

    monkeypatch.setattr(WanFamily, "denoise", nan)
    ran = render(job)
    assert [record["state"] for record in ran.records()] == ["done", "done", "done", "failed"]
    assert "not finite" in ran.records()[3]["error"]


def test_a_canary_that_cannot_decode_saves_the_denoising_of_its_shape(vgpipe, tiny_wan, workdir, monkeypatch):
    prompt = "  - {{prompt: a red circle, seed: {}, width: {}, height: 32, num_frames: 5}}\n"
    lines = [prompt.format(seed, width) for seed in (1, 2) for width in (32, 48)]
    (workdir / "job.yaml").write_text("prompts:\n" + "".join(lines))
    denoised = calls(monkeypatch, "denoise")
    original = WanFamily.decode

    def too_wide(self, parts, request):
        if request.latents.shape[-1] > 4:
            raise MemoryError("decode needs 99 GiB")
        return original(self, parts, request)

    monkeypatch.setattr(WanFamily, "decode", too_wide)
    ran = vgpipe("job=job.yaml", f"model.id={tiny_wan}", "quality.num_inference_steps=4", "run.plan=off", "checks=off")
    assert ran.code == 1
    assert [record["state"] for record in ran.records()] == ["done", "failed", "done", "failed"]
    assert "canaries failed: decode: MemoryError" in ran.records()[1]["error"]
    assert len(denoised) == 5  # a canary, two that failed, and the two narrow clips


def test_one_bad_clip_condemns_nothing_through_its_canary(render, job, monkeypatch):
    original = WanFamily.denoise

    def first_is_bad(self, parts, scheduler, request):
        if request.generator.initial_seed() == 3 and request.num_inference_steps == 2:
            raise RuntimeError("only this canary")
        return original(self, parts, scheduler, request)

    monkeypatch.setattr(WanFamily, "denoise", first_is_bad)
    assert render(job).code == 0


def test_a_failed_export_keeps_its_latents_and_frames(render, job, monkeypatch):
    from vgpipe.exporters.mp4 import Mp4Exporter

    original = Mp4Exporter.export

    def broken(self, frames_THWC, *, fps, folder, recipe=None, sound=None):
        raise ExportError("the disk is full")

    monkeypatch.setattr(Mp4Exporter, "export", broken)
    assert render(job, "executor.canary=false").code == 1
    monkeypatch.setattr(Mp4Exporter, "export", original)
    work = [calls(monkeypatch, method) for method in ("encode", "denoise", "decode")]
    assert render(job, "executor.canary=false").code == 0
    assert work == [[], [], []]


def test_another_exporter_needs_no_denoising(render, job, monkeypatch):
    render(job)
    denoised = calls(monkeypatch, "denoise")
    ran = render(job, "exporter=frames")
    assert ran.code == 0 and denoised == []
    assert len(list((ran.root / ran.records()[0]["files"]["frames"]).glob("*.png"))) == 5


def test_a_damaged_video_in_the_store_is_made_again(render, job, workdir):
    digest = render(job).records()[1]["artifacts"]["export"]
    next((workdir / "outputs/.store/export").rglob(f"{digest}/video.mp4")).write_bytes(b"torn")
    ran = render(job)
    assert ran.code == 0 and "set aside" in ran.err
    assert [record["reused"] for record in ran.records()] == [True, False, True, True]


def test_a_deadline_stops_and_resume_finishes_in_place(render, vgpipe, job):
    ran = render(job, "run.budget=0s")
    assert ran.code == 3 and "resume" in ran.err
    assert {record["state"] for record in ran.records()} <= {"pending", "stopped"}
    finished = vgpipe("resume", ran.root)
    assert finished.code == 0 and finished.root == ran.root
    assert [record["state"] for record in finished.records()] == ["done"] * 4


def test_frames_are_not_kept_once_exported(render, job, workdir):
    render(job)
    assert not list((workdir / "outputs/.store").rglob("frames.npy"))


def test_clips_that_differ_only_in_fps_are_decoded_once_and_all_exported(render, workdir, monkeypatch):
    (workdir / "job.yaml").write_text(
        "prompts:\n" + "".join(f"  - {{prompt: a red circle, fps: {fps}}}\n" for fps in (4, 8, 16))
    )
    decoded, denoised = calls(monkeypatch, "decode"), calls(monkeypatch, "denoise")
    names = "run.name={prompt} {index}"
    ran = render("job=job.yaml", "executor.canary=false", "executor.wave_size=3", names, "run.plan=off")
    assert ran.code == 0 and (len(denoised), len(decoded)) == (1, 1)
    assert {path.name for path in ran.root.glob("videos/*")} == {f"a red circle {index}.mp4" for index in range(3)}


def test_frames_that_another_process_took_away_are_made_again(render, job, monkeypatch):
    from vgpipe.executor.delivery import ExportDelivery

    original, lost = ExportDelivery.export, []

    def losing(self, state):
        if not lost:
            lost.append(state.clip.id)
            self._store.discard(state.keys.frames)
        return original(self, state)

    monkeypatch.setattr(ExportDelivery, "export", losing)
    ran = render(job, "executor.canary=false")
    assert ran.code == 0 and lost and "making them again" in ran.err
