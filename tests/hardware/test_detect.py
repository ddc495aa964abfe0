from __future__ import annotations

import dataclasses
import json
import sys
from types import SimpleNamespace

import pytest

from tests.hardware.fake_devices import (
    ARC_A770,
    CARD_3060,
    CARD_4090,
    GTX_1660_TI,
    RTX_3060,
    RTX_4090,
    RX_7900,
    TESLA_T4,
    Cards,
    fake_torch,
    listed,
    no_cards,
    nvidia_torch,
)
from vgpipe.hardware import describe, detect, supported_dtypes
from vgpipe.hardware.probes import accelerators


def only_accelerator(machine):
    accelerator, cpu = machine.devices
    assert cpu.kind == "cpu" and machine.best == accelerator
    return accelerator


def test_rtx_4090():
    device = only_accelerator(detect(nvidia_torch(RTX_4090), listed(CARD_4090)))
    assert (device.kind, device.torch_device, device.compute_capability) == ("cuda", "cuda:0", (8, 9))
    assert device.bf16 and device.fp16 and device.fp16_is_sound and device.fp8 and device.flash_attention
    assert (device.total_memory_gb, device.free_memory_gb) == (23.65, 22.46)
    assert device.driver == "570.86.16" and device.pcie.bandwidth_gb_s == pytest.approx(31.5, abs=0.01)
    assert supported_dtypes(device) == ("bfloat16", "float16", "float32") and device.usable


def test_gtx_1660_ti_is_told_from_other_cards_of_its_capability_by_name():
    device = only_accelerator(detect(nvidia_torch(GTX_1660_TI), no_cards))
    assert not device.fp16_is_sound and not device.tensor_cores and not device.bf16 and not device.fp8
    assert supported_dtypes(device) == ("float32",)
    t4 = only_accelerator(detect(nvidia_torch(TESLA_T4), no_cards))
    assert t4.compute_capability == device.compute_capability and t4.tensor_cores
    assert supported_dtypes(t4) == ("float16", "float32")


def test_two_cards_are_matched_with_the_drivers_by_uuid_whatever_their_order():
    machine = detect(nvidia_torch(RTX_3060, RTX_4090), listed(CARD_4090, CARD_3060))
    first, second, _ = machine.devices
    assert [first.name, first.torch_device, first.pcie.width] == ["NVIDIA GeForce RTX 3060", "cuda:0", 8]
    assert [second.name, second.torch_device, second.pcie.width] == ["NVIDIA GeForce RTX 4090", "cuda:1", 16]
    assert (first.free_memory_gb, second.free_memory_gb) == (11.23, 22.46)


def test_cards_that_cannot_be_told_apart_get_no_others_figures():
    twins = [SimpleNamespace(**{**vars(RTX_3060), "uuid": ""}) for _ in range(2)]
    devices = detect(nvidia_torch(*twins), listed(CARD_3060, dataclasses.replace(CARD_3060, index=2))).devices
    assert [device.pcie for device in devices[:2]] == [None, None]
    assert devices[0].free_memory_gb == 10.74  # torch's own figure


def test_a_rocm_card_is_cuda_to_torch_and_has_no_compute_capability():
    device = only_accelerator(detect(fake_torch(cuda=Cards(RX_7900), hip="6.4"), no_cards))
    assert (device.kind, device.torch_device, device.architecture) == ("rocm", "cuda:0", "gfx1100")
    assert device.compute_capability is None and device.bf16 and not device.fp8 and not device.flash_attention
    assert device.free_memory_gb == 23.44


def test_an_xpu():
    device = only_accelerator(detect(fake_torch(xpu=Cards(ARC_A770)), no_cards))
    assert (device.kind, device.torch_device, device.driver) == ("xpu", "xpu:0", "1.6.33578")
    assert device.bf16 and device.tensor_cores and device.total_memory_gb == 15.84


def test_apple_mps(monkeypatch):
    monkeypatch.setattr("vgpipe.hardware.host.available_ram_bytes", lambda: 4 << 30)
    device = only_accelerator(detect(fake_torch(mps=(10 << 30, 1 << 30)), no_cards))
    assert (device.kind, device.torch_device, device.name) == ("mps", "mps", "Apple M1")
    assert (device.total_memory_gb, device.free_memory_gb) == (10, 4)  # the RAM that is left, not Metal's limit
    assert supported_dtypes(device) == ("bfloat16", "float16", "float32")


def test_this_machine_has_a_cpu_last_that_computes_bfloat16():
    machine = detect(list_cards=no_cards)
    cpu = machine.devices[-1]
    assert cpu.kind == "cpu" and cpu.usable and supported_dtypes(cpu) == ("bfloat16", "float32")
    assert machine.torch.version == sys.modules["torch"].__version__
    assert machine.cores >= 1 and machine.disk_free_gb > 0 and 0 < machine.ram_available_gb <= machine.ram_total_gb


def test_a_missing_torch_leaves_the_cpu_and_the_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    machine = detect(list_cards=no_cards)
    assert machine.torch is None and "torch cannot be imported" in machine.torch_error
    assert [(device.kind, device.usable) for device in machine.devices] == [("cpu", False)]
    assert machine.best.kind == "cpu"


def test_without_torch_the_cards_are_still_listed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    machine = detect(list_cards=listed(CARD_4090, CARD_3060))
    assert [(device.name[-4:], device.usable) for device in machine.devices[:2]] == [("4090", False), ("3060", False)]
    assert machine.devices[0].fp8 and not machine.devices[1].fp8 and machine.best.kind == "cpu"


@pytest.mark.parametrize("error", [OSError("libtorch_cpu.so: no such file"), RuntimeError("numpy ABI"), KeyError("x")])
def test_a_torch_that_fails_to_import_in_any_way_is_told(monkeypatch, error):
    class Failing:
        def find_spec(self, name, path=None, target=None):
            if name == "torch":
                raise error

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    assert type(error).__name__ in detect(list_cards=no_cards).torch_error


def test_an_empty_torch_package_is_broken():
    machine = detect(SimpleNamespace(), no_cards)
    assert machine.torch is None and "torch is broken" in machine.torch_error and not machine.devices[-1].usable


def test_a_cpu_build_beside_a_card_is_told():
    machine = detect(fake_torch(version="2.8.0+cpu"), listed(CARD_4090))
    assert machine.torch_error == "torch 2.8.0+cpu was built without CUDA and cannot use NVIDIA GeForce RTX 4090"
    assert not machine.devices[0].usable and machine.best.kind == "cpu" and machine.best.usable


def test_a_driver_too_old_for_the_build_is_told():
    import warnings

    def old_driver():
        warnings.warn("The NVIDIA driver on your system is too old (found version 11040).", UserWarning, stacklevel=2)
        return False

    torch = nvidia_torch()
    torch.cuda.is_available = old_driver
    machine = detect(torch, listed(CARD_4090))
    assert "too old (found version 11040)" in machine.torch_error
    assert "CUDA 12.8) finds no device, driver 570.86.16" in machine.torch_error


@pytest.mark.parametrize(
    ("architectures", "usable"),
    [(["sm_80"], True), (["sm_90"], False), (["sm_70", "compute_70"], True), (["sm_70"], False), ([], True),
     (["sm_86"], True), (["sm_90a", "compute_120"], False), (["sm_50", "oddity"], False)],
)  # fmt: skip
def test_a_card_that_torch_has_no_kernels_for_is_not_usable(architectures, usable):
    machine = detect(nvidia_torch(RTX_4090, architectures=architectures), no_cards)
    assert machine.devices[0].usable is usable
    assert machine.best.kind == ("cuda" if usable else "cpu")


def test_a_driver_that_fails_takes_no_other_kind_along():
    torch = fake_torch(xpu=Cards(ARC_A770), cuda=Cards(RTX_4090), cuda_version="12.8")
    torch.cuda.get_device_properties = lambda index: (_ for _ in ()).throw(RuntimeError("CUDA unknown error"))
    devices, complaints = accelerators(torch)
    assert [device.kind for device in devices] == ["xpu"] and complaints == ("CUDA unknown error",)


def test_a_card_that_does_not_tell_its_free_memory_is_listed():
    torch = nvidia_torch(RTX_4090)
    torch.cuda.mem_get_info = lambda index: (_ for _ in ()).throw(RuntimeError("out of memory"))
    assert detect(torch, no_cards).devices[0].free_memory_gb is None


def test_the_description_has_a_line_for_every_device():
    lines = describe(detect(nvidia_torch(RTX_4090, GTX_1660_TI), listed(CARD_4090)))
    assert lines[0] == "torch: 2.8.0+cu128, built for CUDA 12.8"
    assert lines[1] == (
        "cuda:0: NVIDIA GeForce RTX 4090, 23.6 GiB, 22.5 GiB free, capability 8.9, bfloat16/float16/float32, float8, "
        "flash attention, driver 570.86.16, PCIe 4.0 x16 (31.5 GB/s)"
    )
    assert lines[2].startswith("cuda:1: NVIDIA GeForce GTX 1660 Ti, 5.8 GiB") and "float16 gives NaN" in lines[2]
    assert [line.partition(":")[0] for line in lines[3:]] == ["cpu", "ram", "disk"]


def test_the_description_of_a_broken_machine(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    lines = describe(detect(list_cards=listed(CARD_3060)))
    assert lines[0].startswith("torch: torch cannot be imported") and lines[1].endswith("not usable by this torch")


def test_a_machine_can_be_written_as_json():
    machine = detect(nvidia_torch(RTX_4090), listed(CARD_4090))
    assert json.loads(json.dumps(dataclasses.asdict(machine)))["devices"][0]["pcie"] == {"generation": 4, "width": 16}
