"""Reads torch's accelerators. torch is an argument, so that tests cover every path without the card."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from vgpipe.hardware import host
from vgpipe.hardware.capability import CPU, Capability, cuda_capability, rocm_capability
from vgpipe.hardware.nvml import Card
from vgpipe.hardware.records import Device, TorchBuild
from vgpipe.units import to_gib

log = logging.getLogger(__name__)


def rounded_gib(size_bytes: float | None) -> float | None:
    """Returns a size in GiB, rounded to 0.01; None for None."""
    return None if size_bytes is None else to_gib(size_bytes, 2)


def build(torch: Any) -> TorchBuild:
    """Returns what this torch was built for."""
    version = torch.version
    return TorchBuild(
        version=str(torch.__version__),
        cuda=getattr(version, "cuda", None),
        hip=getattr(version, "hip", None),
        xpu=str(xpu) if (xpu := getattr(version, "xpu", None)) else None,
        mps=bool(torch.backends.mps.is_built()),
    )


def accelerators(torch: Any, cards: Sequence[Card] = ()) -> tuple[tuple[Device, ...], tuple[str, ...]]:
    """Lists every accelerator torch can use.

    Args:
        torch: the torch module.
        cards: what NVIDIA's driver lists; adds driver, PCIe and free memory to what torch knows.

    Returns:
        The devices, best kind first, and the warnings and errors of torch.
    """
    devices: list[Device] = []
    complaints: list[str] = []
    for probe in (lambda: cuda_devices(torch, cards), lambda: xpu_devices(torch), lambda: mps_devices(torch)):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                found = tuple(probe())
            except Exception as error:  # a failing driver may raise anything; the other kinds may still work
                found = ()
                complaints.append(_message(error))
        devices += found
        complaints += [_message(warning.message) for warning in warned if issubclass(warning.category, UserWarning)]
    return tuple(devices), tuple(complaints)


def _message(complaint: Warning | Exception | str) -> str:
    return " ".join(str(complaint).split()) or type(complaint).__name__


def cuda_devices(torch: Any, cards: Sequence[Card] = ()) -> Iterable[Device]:
    """Lists torch's `cuda` devices: NVIDIA cards, or AMD cards if it was built for ROCm."""
    if not torch.cuda.is_available():
        return
    for index in range(torch.cuda.device_count()):
        yield cuda_device(torch, index, cards)


def cuda_device(torch: Any, index: int, cards: Sequence[Card] = ()) -> Device:
    """Returns one of torch's `cuda` devices without touching another card."""
    return _rocm(torch, index) if torch.version.hip else _cuda(torch, index, cards)


def _cuda(torch: Any, index: int, cards: Sequence[Card]) -> Device:
    found = torch.cuda.get_device_properties(index)
    card = _card_of(found, cards)
    # torch would create a context of some 300 MiB on every card.
    free = card.free_bytes if card and card.free_bytes is not None else _free(torch.cuda, index)
    return Device(
        index=index,
        kind="cuda",
        name=found.name,
        total_memory_gb=rounded_gib(found.total_memory),
        free_memory_gb=rounded_gib(free),
        compute_capability=(found.major, found.minor),
        driver=card.driver if card else None,
        pcie=card.pcie if card else None,
        usable=has_kernels(torch, (found.major, found.minor)),
        **asdict(cuda_capability((found.major, found.minor), found.name)),
    )


def has_kernels(torch: Any, compute_capability: tuple[int, int]) -> bool:
    """Returns whether this torch was compiled for a card: `sm_86` runs on 8.6 to 8.9, `compute_90` on 9.0 and later."""
    architectures = torch.cuda.get_arch_list()
    for architecture in architectures:
        kind, _, digits = architecture.rstrip("af").partition("_")
        if not digits.isdecimal():
            continue
        built = int(digits[:-1]), int(digits[-1])
        is_same_major = built[0] == compute_capability[0]
        if built <= compute_capability and (is_same_major or kind == "compute"):
            return True
    return not architectures


def _card_of(found: Any, cards: Sequence[Card]) -> Card | None:
    uuid = str(getattr(found, "uuid", "")).removeprefix("GPU-").lower()
    same = [card for card in cards if uuid and card.uuid == uuid] or [card for card in cards if card.name == found.name]
    return same[0] if len(same) == 1 else None


def _rocm(torch: Any, index: int) -> Device:
    found = torch.cuda.get_device_properties(index)
    architecture = str(getattr(found, "gcnArchName", ""))
    return Device(
        index=index,
        kind="rocm",
        name=found.name,
        total_memory_gb=rounded_gib(found.total_memory),
        free_memory_gb=rounded_gib(_free(torch.cuda, index)),
        architecture=architecture.partition(":")[0] or None,
        driver=_rocm_driver(),
        **asdict(rocm_capability(architecture)),
    )


def _rocm_driver() -> str | None:
    try:
        return host.AMDGPU_VERSION.read_text().strip() or None
    except OSError:
        return None


def _free(module: Any, index: int) -> int | None:
    try:
        return int(module.mem_get_info(index)[0])
    except Exception as error:  # a full or hung card may raise anything, and must still be listed
        log.debug("free memory of device %d is unknown: %s", index, error)
        return None


def xpu_devices(torch: Any) -> Iterable[Device]:
    """Lists Intel's GPUs."""
    if not hasattr(torch, "xpu") or not torch.xpu.is_available():
        return
    for index in range(torch.xpu.device_count()):
        yield xpu_device(torch, index)


def xpu_device(torch: Any, index: int) -> Device:
    """Returns one of torch's `xpu` devices."""
    found = torch.xpu.get_device_properties(index)
    is_bf16 = bool(torch.xpu.is_bf16_supported()) if hasattr(torch.xpu, "is_bf16_supported") else False
    matrix = bool(getattr(found, "has_subgroup_matrix_multiply_accumulate", False))
    return Device(
        index=index,
        kind="xpu",
        name=found.name,
        total_memory_gb=rounded_gib(found.total_memory),
        free_memory_gb=rounded_gib(_free(torch.xpu, index)),
        driver=str(found.driver_version),
        **asdict(Capability(bf16=is_bf16, fp16=bool(found.has_fp16), tensor_cores=matrix)),
    )


def mps_devices(torch: Any) -> Iterable[Device]:
    """Lists Apple's GPU, which shares the machine's RAM; its total memory is the limit that macOS sets."""
    if torch.backends.mps.is_available():
        yield mps_device(torch)


def mps_device(torch: Any) -> Device:
    """Returns Apple's GPU."""
    mps = torch.backends.mps
    total = torch.mps.recommended_max_memory()
    return Device(
        index=0,
        kind="mps",
        name=mps.get_name() if hasattr(mps, "get_name") else "Apple GPU",
        total_memory_gb=rounded_gib(total),
        free_memory_gb=rounded_gib(mps_free_bytes(torch)),
        # Metal computes bfloat16 since macOS 14 (pytorch#119641)
        **asdict(Capability(bf16=bool(mps.is_macos_or_newer(14, 0)), fp16=True)),
    )


def mps_free_bytes(torch: Any) -> int:
    """Returns what Apple's GPU may still use: below macOS's limit and the available RAM."""
    room = int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    ram = host.available_ram_bytes()
    return max(0, room if ram is None else min(room, ram))


def unusable_cards(cards: Iterable[Card]) -> Iterable[Device]:
    """Lists NVIDIA cards that torch cannot use."""
    for card in cards:
        capability = cuda_capability(card.compute_capability, card.name) if card.compute_capability else Capability()
        yield Device(
            index=card.index,
            kind="cuda",
            name=card.name,
            total_memory_gb=rounded_gib(card.total_bytes),
            free_memory_gb=rounded_gib(card.free_bytes),
            compute_capability=card.compute_capability,
            driver=card.driver,
            pcie=card.pcie,
            usable=False,
            **asdict(capability),
        )


def cpu_device(*, is_usable: bool = True) -> Device:
    """Returns the CPU; its memory is the RAM under the cgroup limit."""
    return Device(
        index=0,
        kind="cpu",
        name=host.cpu_name(),
        total_memory_gb=rounded_gib(host.total_ram_bytes()),
        free_memory_gb=rounded_gib(host.available_ram_bytes()),
        usable=is_usable,
        **asdict(CPU),
    )
