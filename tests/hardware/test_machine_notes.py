"""The device and the rates that an earlier process noted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vgpipe.hardware import machine_notes
from vgpipe.hardware.nvml import Card
from vgpipe.hardware.records import Device, Pcie
from vgpipe.store.notes import Notes
from vgpipe.units import MIB

CARD = Card(
    index=0,
    name="NVIDIA GeForce RTX 3060",
    uuid="aa",
    total_bytes=12288 * MIB,
    free_bytes=11000 * MIB,
    driver="550.1",
    pcie=Pcie(generation=4, width=16),
    compute_capability=(8, 6),
)

DEVICE = Device(index=0, kind="cuda", name=CARD.name, total_memory_gb=12.0, free_memory_gb=10.0, bf16=True)


@pytest.fixture
def memory(tmp_path):
    return Notes(tmp_path / "machine.jsonl")


@pytest.fixture
def one_card(monkeypatch):
    monkeypatch.setattr(machine_notes, "may_have_accelerator", lambda: True)
    known = [CARD]
    monkeypatch.setattr(machine_notes, "cards", lambda: tuple(known))
    return known


def test_torch_is_asked_once_and_free_memory_is_that_of_now(memory, one_card, tmp_path):
    asked = []

    def ask(wanted):
        asked.append(wanted)
        return DEVICE

    first = machine_notes.current_device("auto", memory, ask)
    one_card[0] = replace(CARD, free_bytes=5120 * MIB)
    again = machine_notes.current_device("auto", Notes(tmp_path / "machine.jsonl"), ask)
    assert asked == ["auto"] and first.free_memory_gb == 10.0
    assert again.free_memory_gb == 5.0 and again.bf16 and again.pcie == CARD.pcie


def test_another_driver_or_card_asks_torch_again(memory, one_card):
    asked = []
    ask = lambda wanted: asked.append(wanted) or DEVICE  # noqa: E731
    machine_notes.current_device("auto", memory, ask)
    one_card[0] = replace(CARD, driver="560.2")
    machine_notes.current_device("auto", memory, ask)
    machine_notes.current_device("cuda:0", memory, ask)
    assert asked == ["auto", "auto", "cuda:0"]


def test_two_cards_of_one_name_ask_torch(memory, one_card):
    asked = []
    ask = lambda wanted: asked.append(wanted) or DEVICE  # noqa: E731
    one_card.append(replace(CARD, uuid="bb"))
    machine_notes.current_device("auto", memory, ask)
    machine_notes.current_device("auto", memory, ask)
    assert len(asked) == 2


def test_the_cpu_needs_no_torch(memory):
    def ask(_wanted):
        raise AssertionError("torch was asked")

    assert machine_notes.current_device("cpu", memory, ask).kind == "cpu"


def test_rates_are_timed_once_for_each_thread_count(memory, monkeypatch):
    calls = []

    def timed(timing, dtype="any"):
        calls.append((dtype, timing.threads))
        return 2.0

    for name in ("matmul_tflops", "conv_tflops", "attention_tflops", "elementwise_gb_s", "kernel_s"):
        monkeypatch.setattr(machine_notes, name, timed)
    monkeypatch.setattr(machine_notes, "copy_gb_s", lambda _timing: None)
    monkeypatch.setattr(machine_notes, "_is_busy", lambda *_: False)
    device = replace(DEVICE, kind="cpu", name="a processor")
    first = machine_notes.measured_rates(device, 2, memory)
    kinds = ("", "conv_", "attention_")
    expected = {kind + dtype: 2.0 for kind in kinds for dtype in ("float32", "bfloat16")}
    assert first == expected | {"elementwise": 2.0, "kernel": 2.0}  # nothing computes in float16 on a CPU
    assert machine_notes.measured_rates(device, 2, memory) == first and len(calls) == 8
    machine_notes.measured_rates(device, 1, memory)
    assert {threads for _, threads in calls[8:]} == {1}


def test_rates_of_threads_that_others_keep_waiting_are_scaled_from_one_and_forgotten(memory, monkeypatch):
    for name in ("conv_tflops", "attention_tflops", "copy_gb_s", "elementwise_gb_s"):
        monkeypatch.setattr(machine_notes, name, lambda *_: None)
    monkeypatch.setattr(machine_notes, "kernel_s", lambda _timing: 1e-6)
    together = 0.1
    monkeypatch.setattr(machine_notes, "matmul_tflops", lambda timing, _: 1.0 if timing.threads == 1 else together)
    device = replace(DEVICE, kind="cpu", name="a processor")
    busy = machine_notes.measured_rates(device, 4, memory)
    assert busy == {"float32": 4**0.9, "bfloat16": 4**0.9, "kernel": 1e-6}
    together = 3.5
    assert machine_notes.measured_rates(device, 4, memory)["float32"] == 3.5
