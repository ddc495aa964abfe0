"""The device that a plan is made for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vgpipe.config.groups import options
from vgpipe.config.load import load
from vgpipe.hardware.records import Device, Pcie
from vgpipe.plans import target
from vgpipe.plans.target import ram_note, target_of, tier_of

TIERS = [name for name in options("hardware", None) if name not in ("auto", "cpu")]


def hardware(*overrides):
    return load(["clip.prompt=a", *overrides]).hardware


@pytest.mark.parametrize("name", TIERS)
def test_every_tier_can_be_planned_for_anywhere(name):
    config = hardware(f"hardware={name}")
    found = target_of(config, for_run=False)
    tier = found.tier
    assert tier.name == name and not found.is_here
    assert tier.memory_gb == config.memory_limit_gb and tier.disk_gb is None
    assert tier.ram_gb == (config.memory_gb if tier.kind == "mps" else config.ram_gb - 2)
    assert tier.peak.fp32 == config.peak_tflops.fp32 and tier.memory_bandwidth_gb_s == config.memory_bandwidth_gb_s
    assert tier.kind == {"apple": "mps", "arc": "xpu"}.get(name.partition("_")[0], "cuda")
    assert found.dtypes[-1] == "float32"


def test_precisions_are_those_of_the_tier_and_not_of_this_machine():
    assert target_of(hardware("hardware=t4_16gb"), for_run=False).dtypes == ("float16", "float32")
    assert target_of(hardware("hardware=gtx1660ti_6gb"), for_run=False).dtypes == ("float32",)
    assert "bfloat16" in target_of(hardware("hardware=rtx3060_8gb"), for_run=False).dtypes


def test_cards_without_flash_attention_have_the_other_fused_kernel_and_apples_have_none():
    assert tier_of(hardware("hardware=t4_16gb"), for_run=False).fused_attention
    assert tier_of(hardware("hardware=apple_m_16gb"), for_run=False).kernels == "cuda_math"


def test_the_ram_that_a_tier_assumes_is_said_and_can_be_set():
    config = hardware("hardware=rtx3060_12gb")
    tier = tier_of(config, for_run=False)
    assert ram_note(tier) == "assumes 32 GB RAM, 2 GB of it for the system; hardware.ram_gb=64 changes it"
    assert tier_of(hardware("hardware=rtx3060_12gb", "hardware.ram_gb=64"), for_run=False).ram_gb == 62
    unknown = tier_of(hardware("hardware=rtx3060_12gb", "hardware.ram_gb=null"), for_run=False)
    assert unknown.ram_gb is None and ram_note(unknown) is None


def test_on_this_machine_a_tiers_assumption_does_not_count_and_a_limit_of_ones_own_does(monkeypatch, tmp_path):
    monkeypatch.setattr(target, "measured_rates", lambda *_: {})
    monkeypatch.setattr(target.host, "available_ram_bytes", lambda: 48 << 30)
    for overrides, for_run, ram_gb in (
        (("hardware=rtx3060_12gb", "hardware.device=cpu"), True, 48),
        (("hardware=cpu",), False, 48),
        (("hardware=cpu", "hardware.ram_gb=12"), False, 12),
        (("hardware=cpu", "hardware.ram_gb=64"), True, 48),
    ):
        found = target_of(hardware(*overrides), for_run=for_run, folder=tmp_path).tier
        assert found.ram_gb == ram_gb
        assert ram_note(found) is None


def test_a_typed_limit_is_what_may_be_used():
    assert tier_of(hardware("hardware=rtx4090_24gb", "hardware.memory_limit_gb=10"), for_run=False).memory_gb == 10


def test_a_run_is_on_this_machine_whatever_tier_was_chosen(monkeypatch, tmp_path):
    monkeypatch.setattr(target, "measured_rates", lambda *_: {"float32": 0.5, "bfloat16": 2.0, "copy": 20.0})
    found = target_of(hardware("hardware=rtx4090_24gb", "hardware.device=cpu"), for_run=True, folder=tmp_path)
    assert found.is_here and found.tier.kind == "cpu" and found.tier.kernels == "cpu"
    assert found.tier.ram_gb > 0.1 and found.tier.disk_gb > 0.01 and found.tier.memory_gb <= 24
    assert (found.tier.peak.fp32, found.tier.peak.bf16, found.tier.memory_bandwidth_gb_s) == (0.5, 2.0, 20.0)


@pytest.mark.parametrize(
    ("name", "memory_gb", "tier"),
    [
        ("NVIDIA GeForce RTX 3060", 11.76, "rtx3060_12gb"),
        ("NVIDIA GeForce RTX 3060", 7.8, "rtx3060_8gb"),
        ("NVIDIA GeForce GTX 1660 Ti", 5.8, "gtx1660ti_6gb"),
        ("NVIDIA A100-SXM4-80GB", 79.1, "a100_80gb"),
        ("NVIDIA H100 80GB HBM3", 79.1, "h100_80gb"),
        ("Tesla T4", 14.6, "t4_16gb"),
        ("NVIDIA GeForce RTX 3060 Ti", 7.8, None),
        ("NVIDIA GeForce RTX 4080 SUPER", 15.7, None),
        ("NVIDIA GeForce RTX 4060 Laptop GPU", 7.8, None),
        ("NVIDIA A100-SXM4-40GB", 39.4, None),
        ("NVIDIA RTX A4000", 15.7, None),
    ],
)
def test_a_card_has_the_rates_of_its_data_sheet_else_those_timed_here(monkeypatch, name, memory_gb, tier):
    card = Device(
        index=0, kind="cuda", name=name, total_memory_gb=memory_gb, free_memory_gb=memory_gb - 1,
        compute_capability=(8, 6), pcie=Pcie(generation=3, width=8),
    )  # fmt: skip
    monkeypatch.setattr(target, "current_device", lambda *_: card)
    timed = []
    monkeypatch.setattr(target, "measured_rates", lambda *_: timed.append(1) or {"float32": 7.0})
    found = tier_of(hardware(), for_run=True)
    assert found.memory_gb == memory_gb - 1 and found.pcie_bandwidth_gb_s == card.pcie.bandwidth_gb_s
    if tier is None:
        assert timed and found.peak.fp32 == 7.0
    else:
        assert not timed and found.peak.fp32 == hardware(f"hardware={tier}").peak_tflops.fp32


def test_a_card_of_the_users_own_is_written_down_too():
    config = replace(hardware(), name="mine", memory_gb=20.0, compute_capability=(8, 9))
    found = target_of(config, for_run=False)
    assert found.tier.kind == "cuda" and found.tier.memory_gb == 20 and found.dtypes[0] == "bfloat16"
