"""What one run leaves loaded is used by the next one only where nothing about it changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
import torch

from vgpipe.clips.requested import request
from vgpipe.config.hardware_schema import HardwareConfig
from vgpipe.config.load import load
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import Conditions, KeptModels
from vgpipe.hardware.probes import cpu_device
from vgpipe.memory.loaded_part import HeldMemory, LoadedPart
from vgpipe.memory.strategies import Placement, Strategy
from vgpipe.models.base import Settings
from vgpipe.models.families.wan import WanFamily
from vgpipe.plans import target
from vgpipe.runs.run import ready, start
from vgpipe.units import GIB

CONDITIONS = Conditions(
    device="cpu",
    strategies={"denoise": Strategy.RESIDENT},
    memory_limit_gb=None,
)
DEFAULT = Settings()


@dataclass(frozen=True)
class Family:
    """A model of three parts."""

    settings: Settings = DEFAULT
    checkpoint: str = "first"
    decode_components: tuple[str, ...] = ("vae",)

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        return ("transformer",)

    def identity(self, part: str) -> dict[str, str]:
        return {"files": f"{self.checkpoint}/{part}"}


def parts_of(family: Family) -> dict[str, LoadedPart]:
    names = ("text_encoder", "transformer", "vae")
    return {name: LoadedPart(torch.nn.Linear(2, 2), family, family.identity(name), Placement.WHOLE) for name in names}


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, {"text_encoder", "transformer", "vae"}),
        ({"scheduler": "UniPCMultistepScheduler", "max_sequence_length": 64}, {"text_encoder", "transformer", "vae"}),
        ({"vae_tiling": True}, {"text_encoder", "transformer"}),
        ({"attention": "sliced"}, {"text_encoder", "vae"}),
        ({"quantization": {"transformer": "fp8"}}, set()),
    ],
)
def test_only_parts_that_would_be_loaded_the_same_way_are_kept(settings, kept):
    models = KeptModels()
    models.keep(CONDITIONS, parts_of(Family()))
    assert set(models.take(CONDITIONS, Family(settings=Settings(**settings)))) == kept
    assert models.take(CONDITIONS, Family()) == {}, "what was taken belongs to the run, the rest is freed"


@pytest.mark.parametrize(
    "conditions",
    [
        replace(CONDITIONS, memory_limit_gb=2.0),
        replace(CONDITIONS, strategies={"denoise": Strategy.STAGED}),
        replace(CONDITIONS, device="cuda"),
    ],
)
def test_nothing_is_kept_for_a_run_that_places_models_otherwise(conditions):
    models = KeptModels()
    models.keep(CONDITIONS, parts_of(Family()))
    assert models.take(conditions, Family()) == {}


def test_another_checkpoint_frees_all_before_it_loads():
    models = KeptModels()
    models.keep(CONDITIONS, parts_of(Family()))
    assert models.take(CONDITIONS, Family(checkpoint="second")) == {}
    assert models.held == HeldMemory()


def test_what_is_held_is_counted_and_freed_at_the_end():
    with KeptModels() as models:
        models.keep(CONDITIONS, parts_of(Family()))
        assert models.held == HeldMemory(ram_bytes=3 * 6 * 4)
    assert models.held == HeldMemory()
    late = parts_of(Family())
    models.keep(CONDITIONS, late)
    assert models.held == HeldMemory() and late == {}


def test_a_plan_counts_what_is_held_as_free(monkeypatch):
    monkeypatch.setattr(target, "current_device", lambda *_given: cpu_device())
    monkeypatch.setattr(target.host, "available_ram_bytes", lambda: 4 * GIB)
    monkeypatch.setattr(target, "_with_rates", lambda tier, *_given: tier)
    hardware = HardwareConfig(name="cpu", device="cpu", memory_limit_gb=None)
    alone = target.target_of(hardware, for_run=True).tier
    beside = target.target_of(hardware, for_run=True, held=HeldMemory(ram_bytes=GIB, device_bytes=GIB)).tier
    assert (beside.ram_gb, beside.memory_gb) == (5.0, alone.memory_gb + 1)


@pytest.fixture
def run(workdir, tiny_wan):
    """Makes two clips in one run of a process that keeps models."""

    def made(kept: KeptModels | None, name: str, *overrides: str) -> tuple[list, str]:
        (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
        size = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2", "checks=off")
        given = ("job=job.yaml", f"model.id={tiny_wan}", "memory=resident", f"store.dir={name}", *size, *overrides)
        config = load(given)
        start(ready(config, request(config)), workdir / name / "run", CancelToken(), kept=kept)
        root = workdir / name / "run"
        latents = [json.loads(line)["artifacts"]["latents"] for line in (root / "clips.jsonl").read_text().splitlines()]
        files = [next((workdir / name).glob(f"denoise/*/{digest}/latents.safetensors")) for digest in latents]
        return [file.read_bytes() for file in files], (root / "run.log").read_text()

    return made


def test_a_second_run_loads_nothing_and_gives_the_bits_of_a_run_alone(run):
    with KeptModels() as kept:
        run(kept, "first")
        latents, log = run(kept, "second", "quality.guidance_scale=3.0")
        assert "loaded " not in log.replace("loaded in 0.00 s", "") and log.count("kept ") == 4
        _, log = run(kept, "third", "memory.vae_tiling=true")
    assert [log.count(f"loaded {part}") for part in ("text_encoder", "transformer", "vae")] == [0, 0, 1]
    alone, log = run(None, "alone", "quality.guidance_scale=3.0")
    assert log.count("loaded transformer") == 1
    assert latents == alone


def test_a_run_in_which_a_stage_failed_leaves_nothing(run, monkeypatch):
    original, calls = WanFamily.denoise, []

    def fails_once(self, *given):
        calls.append(given)
        if len(calls) == 1:
            raise RuntimeError("broken")
        return original(self, *given)

    with KeptModels() as kept:
        monkeypatch.setattr(WanFamily, "denoise", fails_once)
        run(kept, "first")
        assert kept.held == HeldMemory()
