"""The kind of a device and what selects its kernels."""

from __future__ import annotations

import torch

from vgpipe.hardware import arithmetic
from vgpipe.hardware.records import Device


def test_a_cpu_is_named_by_its_instructions():
    assert arithmetic.arithmetic_of("cpu") == f"cpu {torch.backends.cpu.get_cpu_capability()}"


def test_a_card_is_named_by_its_model_whatever_its_index(monkeypatch):
    card = Device(index=1, kind="cuda", name="NVIDIA GeForce RTX 3060")
    monkeypatch.setattr(arithmetic, "device_of", lambda device: card)
    assert arithmetic.arithmetic_of("cuda:1") == "cuda NVIDIA GeForce RTX 3060"
