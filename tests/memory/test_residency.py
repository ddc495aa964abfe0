from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import pytest
import torch

from tests.memory.family_stub import FAMILY, FamilyStub
from vgpipe.errors import LoadError, OutOfMemory
from vgpipe.memory import residency as residency_module
from vgpipe.memory.budget import enforced
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import OFFLOADS, Placement, Strategy
from vgpipe.units import GIB
from vgpipe.vocabulary import MODEL_STAGES


class Spy:
    """A residency of small modules that notes what was loaded, and where each was moved."""

    def __init__(self, monkeypatch, strategy, device="cpu", **others):
        self.loaded, self.moved, self.families = [], [], []
        monkeypatch.setattr(residency_module, "empty_cache", lambda _device: gc.collect())
        monkeypatch.setattr(residency_module, "move", lambda module, to: self.moved.append((module.name, to)))
        strategies = dict.fromkeys(MODEL_STAGES, strategy) | others
        self.residency = Residency(self.load, device, strategies)

    def load(self, family, part, placement):
        self.families.append(family)
        self.loaded.append((part, placement.value))
        module = torch.nn.Linear(4, 4)
        module.name = part
        return module

    def wave(self):
        for stage, parts in (("encode", ("text_encoder",)), ("denoise", ("transformer", "vae")), ("decode", ("vae",))):
            with self.residency.stage(stage) as take:
                first = take(FAMILY, parts)
                assert take(FAMILY, parts) == first

    @property
    def parts(self):
        return [part for part, _ in self.loaded]


def test_resident_loads_each_part_once_a_run(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT)
    spy.wave()
    spy.wave()
    assert spy.parts == ["text_encoder", "transformer", "vae"] and not spy.moved
    assert spy.residency.keeps_all and spy.residency.wave_load_s == 0


@pytest.mark.parametrize("strategy", [Strategy.STAGED, *OFFLOADS])
def test_others_load_each_part_once_a_wave(monkeypatch, strategy):
    spy = Spy(monkeypatch, strategy)
    spy.wave()
    spy.wave()
    assert spy.parts == ["text_encoder", "transformer", "vae", "vae"] * 2 and spy.residency.loads["vae"] == 4
    assert not spy.residency.keeps_all
    assert spy.residency.wave_load_s == pytest.approx(sum(spy.residency.load_s.values()))


def test_model_offload_parks_parts_in_ram_and_returns_them_to_the_device(monkeypatch):
    spy = Spy(monkeypatch, Strategy.MODEL_OFFLOAD, device="cuda")
    spy.wave()
    spy.wave()
    assert spy.parts == ["text_encoder", "transformer", "vae"] and spy.residency.wave_load_s == 0
    of_vae = [to for part, to in spy.moved if part == "vae"]
    assert of_vae == ["cpu", "cuda"] * 3 + ["cpu"]


def test_on_the_cpu_model_offload_keeps_nothing(monkeypatch):
    spy = Spy(monkeypatch, Strategy.MODEL_OFFLOAD)
    spy.wave()
    assert spy.parts == ["text_encoder", "transformer", "vae", "vae"] and not spy.moved


def test_a_part_of_two_stages_is_loaded_again_where_they_place_it_differently(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT, decode=Strategy.LEAF_OFFLOAD)
    spy.wave()
    spy.wave()
    assert [placement for part, placement in spy.loaded if part == "vae"] == ["whole", "leaves"] * 2


def test_what_is_resident_for_one_stage_survives_another_that_shares_it(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT, decode=Strategy.STAGED)
    spy.wave()
    with spy.residency.stage("denoise") as take:
        take(FAMILY, ("vae",))
    assert spy.parts.count("vae") == 1


def test_what_other_stages_left_is_dropped_at_the_first_take(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT, decode=Strategy.STAGED)
    with spy.residency.stage("denoise") as take:
        alive = weakref.ref(take(FAMILY, ("transformer",))["transformer"])
    assert alive() is not None
    with spy.residency.stage("decode") as take:
        assert alive() is not None, "nothing is loaded yet"
        take(FAMILY, ("vae",))
        assert alive() is None


def test_a_changed_strategy_applies_from_the_next_use(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT)
    with spy.residency.stage("denoise") as take:
        alive = weakref.ref(take(FAMILY, ("transformer",))["transformer"])
        spy.residency.change("denoise", Strategy.BLOCK_OFFLOAD)
        assert alive() is None
        take(FAMILY, ("transformer",))
    assert spy.loaded == [("transformer", "whole"), ("transformer", "blocks")]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_part_that_another_family_stores_differently_is_loaded_for_it(monkeypatch, strategy):
    spy = Spy(monkeypatch, strategy)
    same, other = FamilyStub(), FamilyStub("fp8")
    with spy.residency.stage("denoise") as take:
        alive = weakref.ref(take(FAMILY, ("transformer", "vae"))["transformer"])
        assert take(same, ("transformer",))["transformer"] is alive()
        take(other, ("transformer",))
        assert alive() is None
        take(other, ("transformer",))
        take(FAMILY, ("vae",))
        take(FAMILY, ("transformer",))
    assert spy.families == [FAMILY, FAMILY, other, FAMILY] and spy.parts.count("vae") == 1


def test_a_stage_without_work_loads_nothing(monkeypatch):
    spy = Spy(monkeypatch, Strategy.STAGED)
    with spy.residency.stage("encode"):
        pass
    assert not spy.loaded


@pytest.mark.parametrize("strategy", [each for each in Strategy if each is not Strategy.RESIDENT])
def test_between_stages_everything_is_free_even_while_an_error_is_kept(monkeypatch, strategy):
    spy = Spy(monkeypatch, strategy)

    def work(module):
        activations = torch.zeros(1000)
        raise RuntimeError(f"{len(activations)} {module}")

    with enforced("cpu", 1) as live:
        with pytest.raises(RuntimeError) as kept, spy.residency.stage("decode") as take:
            work(take(FAMILY, ("vae",))["vae"])
        assert kept.value.__traceback__ is not None
        assert live.top.peak_bytes > 4000 and live.live_bytes == 0


def test_resident_parts_count_in_every_stage(monkeypatch):
    spy = Spy(monkeypatch, Strategy.RESIDENT)
    spy.wave()
    with enforced("cpu", 1) as live, spy.residency.stage("encode") as take:
        take(FAMILY, ("text_encoder",))
        assert live.live_bytes == 3 * 2 * 512
    spy.residency.free()
    with enforced("cpu", 1) as live, spy.residency.stage("encode"):
        assert live.live_bytes == 0


def test_a_part_that_does_not_fit_leaves_nothing_behind_and_is_tried_again():
    seen = []

    def load(_family, part, _placement):
        module = torch.nn.Linear(1000, 1000)
        seen.append(weakref.ref(module))
        return module

    made = Residency(load, "cpu", {"decode": Strategy.STAGED})
    errors = []
    with enforced("cpu", 1000 / GIB) as live:
        for _ in range(3):
            try:
                with made.stage("decode") as take:
                    take(FAMILY, ("vae",))
            except torch.OutOfMemoryError as error:
                errors.append(error)
        assert len(errors) == 3 and live.live_bytes == 0
    assert [ref() for ref in seen] == [None] * 3 and not made.is_unloadable("vae")


def test_only_what_another_try_cannot_help_makes_a_part_unloadable():
    faults = [OutOfMemory("full"), OutOfMemory("full"), LoadError("torn"), LoadError("torn"), LoadError("torn")]

    def load(_family, _part, _placement):
        raise faults.pop(0)

    made = Residency(load, "cpu", {"decode": Strategy.STAGED})
    for left in (4, 3, 2, 1, 1):
        with pytest.raises((OutOfMemory, LoadError)), made.stage("decode") as take:
            take(FAMILY, ("vae",))
        assert len(faults) == left
    assert made.is_unloadable("vae") and isinstance(made.failure(("vae",)), LoadError)


def test_a_fetch_that_fails_drops_the_part(monkeypatch):
    spy = Spy(monkeypatch, Strategy.MODEL_OFFLOAD, device="cuda")
    spy.wave()

    def full(_module, _to):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(residency_module, "move", full)
    with pytest.raises(torch.OutOfMemoryError), spy.residency.stage("decode") as take:
        take(FAMILY, ("vae",))
    monkeypatch.setattr(residency_module, "move", lambda _module, _to: None)
    with spy.residency.stage("decode") as take:
        take(FAMILY, ("vae",))
    assert spy.parts.count("vae") == 2


def test_placement_follows_from_strategy_and_role(monkeypatch):
    spy = Spy(monkeypatch, Strategy.BLOCK_OFFLOAD)
    spy.wave()
    assert dict(spy.loaded) == {"text_encoder": "leaves", "transformer": "blocks", "vae": "whole"}
    assert Placement("blocks") is Placement.BLOCKS


GIVE_BACK = """
from pathlib import Path
import torch
from tests.memory.family_stub import FAMILY
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Strategy

def held():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) >> 10

small = []

def load(family, part, placement):
    module = torch.nn.Module()
    for index in range(30):
        setattr(module, f"w{index}", torch.nn.Parameter(torch.ones(8 << 18)))
        small.append(bytearray(5000))  # lies between the weights, and stays
    return module

made = Residency(load, "cpu", {"decode": Strategy.STAGED})
before = held()
with made.stage("decode") as take:
    take(FAMILY, ("vae",))
    during = held()
print(during - before, held() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's account of the process")
def test_what_is_freed_goes_back_to_the_system():
    # What glibc comes to by itself after a while: weights lie in its heap, and what is freed there stays.
    hoarding = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 34)}
    command = [sys.executable, "-c", GIVE_BACK]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **hoarding})
    during_mb, after_mb = map(int, ran.stdout.split())
    assert during_mb >= 230 and after_mb <= 12  # of 240 MB
