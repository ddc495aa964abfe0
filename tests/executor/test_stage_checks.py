"""A clip that a check rejects is never delivered as done: it is tried again where that may help, or kept apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.broken_checkpoints import CASES, broken
from vgpipe.fallback.safer import safer_settings
from vgpipe.models.base import Decoded, Settings
from vgpipe.models.caches.choice import chosen
from vgpipe.models.families.wan import WanFamily
from vgpipe.stages import decode

GREY = 127
ARGUMENTS = (
    "job=job.yaml", "clip.width=32", "clip.height=32", "clip.num_frames=5", "clip.num_inference_steps=1",
    "run.plan=off", "run.sheet=false", "executor.canary=false", "hydra.run.dir=run", "checks=standard",
)  # fmt: skip


def good_frames(seed: int) -> np.ndarray:
    """Returns a soft disk that moves over a gradient, (5, 32, 32, 3) uint8."""
    rows, columns = np.mgrid[0:32, 0:32]
    frames = []
    for number in range(5):
        disk = np.exp(-(((rows - 12) ** 2 + (columns - 8 - 3 * number) ** 2) / 40))
        luma = 40 + 2 * rows + columns + seed % 7 + 120 * disk
        frames.append(np.stack([luma, luma * 0.8, luma * 0.6], axis=-1))
    return np.stack(frames).clip(0, 255).astype(np.uint8)


@pytest.fixture
def rendering(vgpipe, workdir: Path, monkeypatch: pytest.MonkeyPatch):
    """Renders clips with seeds 1 and 2 whose frames are good, or grey where `is_grey(family, seed)` says so."""
    decoded: list[int] = []

    def render(is_grey: Callable[[WanFamily, int], bool], *more: str, noise_below_steps: int = 0):
        original = decode.run

        def run(store, key, clip, *, family, **rest):
            decoded.append(clip.seed)
            frames = np.full((5, 32, 32, 3), GREY, np.uint8) if is_grey(family, clip.seed) else good_frames(clip.seed)
            if clip.num_inference_steps < noise_below_steps:
                frames = np.random.default_rng(0).integers(0, 256, frames.shape, np.uint8)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(WanFamily, "decode", lambda _self, _components, _request: Decoded(frames))
                return original(store, key, clip, family=family, **rest)

        (workdir / "job.yaml").write_text("prompts: [{prompt: a red circle, seeds: [1, 2]}]\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decode, "run", run)
            return vgpipe(*ARGUMENTS, *more), {record["seed"]: record for record in newest(workdir)}

    render.decoded = decoded
    return render


def newest(workdir: Path) -> list[dict]:
    from vgpipe.store.rundir import RunDir

    return RunDir(workdir / "run").read_clips()


def test_a_rejected_clip_is_kept_apart_told_and_taken_as_rejected_again(rendering, vgpipe, workdir):
    ran, records = rendering(lambda _family, seed: seed == 2)
    good, bad = records[1], records[2]
    assert ran.code == 1 and "1 done, 1 failed" in ran.out and "1 rejected by checks" in ran.out
    assert good["state"] == "done" and all(one["result"] == "passed" for one in good["checks"])
    assert bad["state"] == "failed" and bad["rejected"] and not good["rejected"]
    assert bad["files"]["mp4"].startswith("rejected/") and (workdir / "run" / bad["files"]["mp4"]).is_file()
    assert [path.name for path in (workdir / "run/videos").iterdir()] == [f"{good['clip']}.mp4"]
    assert "uniform" in bad["error"] and "run.degrade=any" in bad["error"] and "\n" not in bad["error"]
    assert good["measures"]["contrast"] > bad["measures"]["contrast"] == 0  # without a sheet, too
    assert '"clip_rejected"' in (workdir / "run/events.jsonl").read_text()
    shutil.rmtree(workdir / "run")  # as if the process had been killed before anything was recorded
    rendering.decoded.clear()
    again, records = rendering(lambda _family, _seed: False)
    assert again.code == 1 and not rendering.decoded and records[2]["rejected"] and records[1]["reused"]
    assert [path.suffix for path in (workdir / "run/rejected").iterdir()] == [".mp4"]
    off = vgpipe(*ARGUMENTS, "checks=off")
    assert off.code == 0 and not list((workdir / "run/rejected").iterdir())
    assert len(list((workdir / "run/videos").iterdir())) == 2


def test_with_any_another_seed_is_tried_once_and_found_again(rendering):
    ran, records = rendering(lambda _family, seed: seed == 2, "run.degrade=any")
    told = {one["kind"]: (one["asked"], int(one["got"])) for one in records[2]["degradations"]}
    assert ran.code == 0 and rendering.decoded == [1, 2, told["seed"][1]] and told["seed"][0] == "2"
    assert records[2]["made"]["seed"] == told["seed"][1] and not records[2]["rejected"]
    rendering.decoded.clear()
    again, _ = rendering(lambda _family, _seed: True, "run.degrade=any")
    assert again.code == 0 and not rendering.decoded


def test_safer_settings_are_tried_first_and_said(rendering):
    ran, records = rendering(lambda family, seed: family.settings.vae_tiling and seed == 2, "memory.vae_tiling=true")
    assert ran.code == 0 and rendering.decoded == [1, 2, 2]
    (told,) = records[2]["degradations"]
    assert (told["kind"], told["stage"], told["got"]) == ("checks", "decode", "vae in float32, no tiles")
    assert not records[1]["degradations"] and "uniform" in told["reason"]
    rendering.decoded.clear()
    again, records = rendering(lambda _family, _seed: True, "memory.vae_tiling=true")
    assert again.code == 0 and not rendering.decoded and records[2]["degradations"] == [told]


def test_a_safer_try_has_no_step_cache():
    cached = Settings(cache=chosen("firstblock", threshold=None, interval=None, mag_ratios=()))
    assert safer_settings(cached, ("vae",)).cache is None


def test_strict_tries_nothing(rendering):
    ran, records = rendering(lambda _family, seed: seed == 2, "memory.vae_tiling=true", "run.degrade=strict")
    assert ran.code == 1 and rendering.decoded == [1, 2] and "run.degrade=safe" in records[2]["error"]


def test_safer_settings_that_do_not_fit_leave_the_first_try(rendering, workdir):
    def is_grey(family, seed):
        if seed == 2 and not family.settings.vae_tiling:
            raise MemoryError("no room without tiles")
        return seed == 2

    ran, records = rendering(is_grey, "memory.vae_tiling=true")
    assert ran.code == 1 and records[2]["rejected"] and "no room without tiles" in records[2]["error"]
    assert (workdir / "run" / records[2]["files"]["mp4"]).is_file() and not records[2]["degradations"]


@pytest.mark.parametrize(("noise_below_steps", "code"), [(3, 0), (9, 1)])
def test_canaries_that_few_steps_may_have_failed_are_followed_by_one_with_all_steps(rendering, noise_below_steps, code):
    settings = ("executor.canary=true", "executor.canary_steps=1", "clip.num_inference_steps=3")
    ran, records = rendering(lambda _family, _seed: False, *settings, noise_below_steps=noise_below_steps)
    assert ran.code == code, ran.err
    assert [record["state"] for record in records.values()] == [["done"] * 2, ["failed"] * 2][code]
    errors = [str(record["error"]) for record in records.values()]
    assert all(error.startswith("not started, three canaries failed, one with all steps: ") for error in errors) == code


@pytest.mark.parametrize(("case", "check"), [("zeroed text encoder", "text_difference"), ("zeroed VAE", "uniform")])
def test_a_broken_checkpoint_is_found_by_its_canary(vgpipe, workdir, case, check):
    assert case in CASES
    model = broken(workdir / "model", case)
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    ran = vgpipe(*ARGUMENTS, f"model.id={model}", "executor.canary=true")
    records = newest(workdir)
    assert ran.code == 1 and {record["state"] for record in records} == {"failed"}
    (error,) = {record["error"] for record in records}
    assert error.startswith(f"not started, two canaries failed: checks: {check}: ")
    denoised = (workdir / "run/events.jsonl").read_text().count('"stage": "denoise", "clip": "a-')
    assert denoised == 0
