"""The accelerators of machines that the tests do not have, as torch would report them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.hardware.fake_devices import GTX_1660_TI, RTX_4090, RX_7900, Cards, fake_torch
from vgpipe.hardware import accelerators
from vgpipe.hardware.nvml import Card
from vgpipe.store.notes import Notes
from vgpipe.units import MIB


def card_of(found, *, free_mib: int) -> Card:
    return Card(
        index=0, name=found.name, uuid=found.uuid, total_bytes=found.total_memory, free_bytes=free_mib * MIB,
        driver="550.1", pcie=None, compute_capability=(found.major, found.minor),
    )  # fmt: skip


@pytest.fixture
def machine(monkeypatch):
    """A machine with an RTX 4090 and a GTX 1660 Ti; returns what its driver lists."""
    known = [card_of(RTX_4090, free_mib=20_480), card_of(GTX_1660_TI, free_mib=4_096)]
    monkeypatch.setattr(accelerators, "may_have_accelerator", lambda: True)
    monkeypatch.setattr(accelerators, "cards", lambda: tuple(known))
    return known


def facts(**options):
    return json.loads(json.dumps(accelerators.facts_of_torch(fake_torch(cuda=Cards(RTX_4090, GTX_1660_TI), **options))))


def test_torch_is_asked_once_and_each_card_has_its_own_free_memory(machine, tmp_path):
    asked = []
    ask = lambda: asked.append(1) or facts(cuda_version="12.8")  # noqa: E731
    first = accelerators.usable_accelerators(Notes(tmp_path / "notes.jsonl"), ask)
    machine[1] = replace(machine[1], free_bytes=2_048 * MIB)
    again = accelerators.usable_accelerators(Notes(tmp_path / "notes.jsonl"), ask)
    assert [(one.torch_device, one.free_memory_gb) for one in first] == [("cuda:0", 20.0), ("cuda:1", 4.0)]
    assert [one.free_memory_gb for one in again] == [20.0, 2.0] and len(asked) == 1


def test_cards_of_which_only_torch_knows_the_memory_are_asked_for_again(machine, tmp_path):
    asked = []
    torch = fake_torch(cuda=Cards(RX_7900, RX_7900), hip="6.4")
    ask = lambda: asked.append(1) or json.loads(json.dumps(accelerators.facts_of_torch(torch)))  # noqa: E731
    for _ in range(2):
        found = accelerators.usable_accelerators(Notes(tmp_path / "notes.jsonl"), ask)
        assert [one.kind for one in found] == ["rocm", "rocm"] and found[1].torch_device == "cuda:1"
    assert len(asked) == 2


def test_cards_that_torch_has_no_kernels_for_are_left_out(machine, tmp_path):
    torch = fake_torch(cuda=Cards(RTX_4090, GTX_1660_TI, architectures=("sm_86", "sm_90")), cuda_version="13.0")
    found = accelerators.usable_accelerators(Notes(tmp_path / "n"), lambda: accelerators.facts_of_torch(torch))
    assert [one.name for one in found] == [RTX_4090.name]


def test_another_process_is_asked_and_may_crash(monkeypatch):
    monkeypatch.setattr(accelerators, "START", accelerators.START.replace("main()", "print(json.dumps([1]))"))
    assert accelerators._ask_child() == [1]
    monkeypatch.setattr(accelerators, "START", "raise SystemExit(1)")
    assert accelerators._ask_child() == []


def test_a_machine_without_a_driver_asks_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(accelerators, "may_have_accelerator", lambda: False)
    assert accelerators.usable_accelerators(Notes(tmp_path / "n"), lambda: 1 / 0) == ()
