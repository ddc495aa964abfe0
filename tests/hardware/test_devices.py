from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hardware.fake_devices import ARC_A770, GTX_1660_TI, RTX_3060, RTX_4090, Cards, fake_torch, nvidia_torch
from vgpipe.errors import ConfigError
from vgpipe.hardware import Device, cgroup, device_of, free_memory_bytes, host, pick_device, placement
from vgpipe.hardware.cgroup import CgroupMemory

GIB, MIB = 1 << 30, 1 << 20
EVERYTHING = {"cuda": Cards(RTX_4090), "xpu": Cards(ARC_A770), "mps": (10 * GIB, 0)}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(("cuda", "xpu", "mps"), "cuda"), (("xpu", "mps"), "xpu"), (("mps",), "mps"), ((), "cpu")],
)
def test_auto_takes_the_best_there_is(kinds, expected):
    assert pick_device("auto", fake_torch(**{kind: EVERYTHING[kind] for kind in kinds})) == expected


def test_auto_leaves_a_card_out_that_torch_has_no_kernels_for():
    assert pick_device("auto", nvidia_torch(RTX_4090, architectures=["sm_90", "sm_120"])) == "cpu"
    assert pick_device("cuda", nvidia_torch(RTX_4090, architectures=["sm_90", "sm_120"])) == "cuda"


def test_the_record_of_one_card_touches_no_other():
    torch, asked = nvidia_torch(RTX_4090, GTX_1660_TI, RTX_3060), []
    tell = torch.cuda.mem_get_info
    torch.cuda.mem_get_info = lambda index: (asked.append(index), tell(index))[1]
    assert device_of("cuda:1", torch).name == "NVIDIA GeForce GTX 1660 Ti" and asked == [1]


def test_auto_on_this_machine_is_a_device_torch_can_compute_on():
    import torch

    assert torch.ones(2, device=pick_device("auto")).sum() == 2


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:1", "xpu", "xpu:0", "mps", "cpu"])
def test_a_named_device_that_is_there_is_taken_as_it_is(wanted):
    torch = fake_torch(**{**EVERYTHING, "cuda": Cards(RTX_4090, RTX_3060)})
    assert pick_device(wanted, torch) == wanted


def test_the_cpu_needs_no_torch():
    assert pick_device("cpu", SimpleNamespace()) == "cpu"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("cuda:2", ["'cuda:2'", "finds 2 cuda devices", "hardware.device=cuda:1 or lower"]),
        ("xpu", ["'xpu'", "finds no xpu devices", "hardware.device=auto"]),
        ("mps", ["'mps'", "finds no mps devices", "vgpipe doctor"]),
    ],
)
def test_a_device_that_is_not_there_is_refused_with_what_is(wanted, words):
    torch = nvidia_torch(RTX_4090, RTX_3060)
    for call in (pick_device, device_of):
        with pytest.raises(ConfigError) as caught:
            call(wanted, torch)
        assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_record_of_a_device():
    torch = nvidia_torch(RTX_4090, GTX_1660_TI)
    assert device_of("cuda", torch).name == "NVIDIA GeForce RTX 4090"
    assert not device_of("cuda:1", torch).fp16_is_sound
    assert device_of("cpu").kind == "cpu"
    assert device_of("xpu:0", fake_torch(**EVERYTHING)).name == ARC_A770.name
    assert device_of("mps", fake_torch(**EVERYTHING)).kind == "mps"


def test_free_memory_of_a_card_counts_what_torch_keeps_for_itself():
    torch = fake_torch(cuda=Cards(RTX_4090, RTX_3060, allocated=GIB, reserved=3 * GIB))
    assert free_memory_bytes("cuda", torch=torch) == RTX_4090.free + 2 * GIB
    assert free_memory_bytes("cuda:1", torch=torch) == RTX_3060.free + 2 * GIB


def test_what_is_in_use_counts_against_the_limit():
    torch = fake_torch(cuda=Cards(RTX_4090, allocated=GIB, reserved=3 * GIB))
    assert free_memory_bytes("cuda", 12.0, torch) == 11 * GIB
    assert free_memory_bytes("cuda", 0.5, torch) == 0
    assert free_memory_bytes("cuda", 100, torch) == RTX_4090.free + 2 * GIB


def test_free_memory_of_the_other_kinds(monkeypatch):
    monkeypatch.setattr(host, "available_ram_bytes", lambda: 6 * GIB)
    torch = fake_torch(xpu=Cards(ARC_A770), mps=(10 * GIB, 3 * GIB))
    assert free_memory_bytes("xpu:0", torch=torch) == ARC_A770.free
    assert free_memory_bytes("mps", torch=torch) == 6 * GIB
    assert free_memory_bytes("mps", 8, torch) == 5 * GIB
    assert free_memory_bytes("cpu") == 6 * GIB
    assert free_memory_bytes("cpu", 2.5) == int(2.5 * GIB)


def test_unknown_free_memory_is_zero(monkeypatch):
    monkeypatch.setattr(host, "available_ram_bytes", lambda: None)
    assert free_memory_bytes("cpu") == 0


def test_free_memory_of_the_cpu_is_under_its_cgroup(monkeypatch):
    monkeypatch.setattr(cgroup, "read", lambda: CgroupMemory(2 * MIB, MIB))
    assert free_memory_bytes("cpu") == MIB


@given(st.floats(0.01, 200), st.integers(0, 30), st.integers(0, 30))
def test_no_limit_is_ever_passed(limit_gb, allocated_gb, idle_gb):
    cards = Cards(RTX_4090, allocated=allocated_gb * GIB, reserved=(allocated_gb + idle_gb) * GIB)
    free = free_memory_bytes("cuda", limit_gb, fake_torch(cuda=cards))
    assert 0 <= free <= RTX_4090.free + idle_gb * GIB
    assert free == 0 or free + allocated_gb * GIB <= limit_gb * GIB


CARD = Device(index=0, kind="cuda", name="NVIDIA GeForce RTX 3060", total_memory_gb=11.75)


def test_the_placement_without_a_limit():
    assert placement(CARD, name="auto") == "computing on cuda:0 (NVIDIA GeForce RTX 3060, 11.8 GiB)"


def test_the_placement_of_a_smaller_tier_names_its_cap():
    line = placement(CARD, name="rtx3060_8gb", memory_gb=8, memory_limit_gb=8)
    assert "11.8 GiB), limited to 8.0 GiB" in line and "hardware=rtx3060_8gb sets this limit" in line


def test_the_placement_of_a_larger_tier_says_that_the_device_has_less():
    line = placement(CARD, name="rtx4090_24gb", memory_gb=24, memory_limit_gb=24)
    assert "11.8 GiB), less than the limit of 24.0 GiB" in line and "only guides planning" in line


def test_a_limit_that_the_user_sets_names_no_tier():
    assert placement(CARD, name="auto", memory_limit_gb=6).endswith("11.8 GiB), limited to 6.0 GiB")
