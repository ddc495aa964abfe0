"""The device to plan for: a tier of conf/hardware, or this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vgpipe.config.groups import builtin_conf
from vgpipe.config.hardware_schema import HardwareConfig, PeakConfig
from vgpipe.hardware import host, supported_dtypes
from vgpipe.hardware.capability import cuda_capability
from vgpipe.hardware.machine_notes import current_device, measured_rates
from vgpipe.hardware.records import Device
from vgpipe.memory.loaded_part import HeldMemory
from vgpipe.planner.forecast_records import PeakRates, Tier, TimedRates
from vgpipe.store.notes import Notes
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.units import to_gib
from vgpipe.user_cache import user_cache_folder

MACHINE_FILE = "machine.jsonl"
SYSTEM_RAM_GB = 2.0
"""What a system without a browser takes of a machine's RAM; assumed."""
LEAST_OF_FUSED = (5, 0)  # torch's memory-efficient attention, where flash attention does not run
NOTHING_HELD = HeldMemory()
THIS_CPU = "this CPU"
NOT_THE_SAME_CARD = {"ti", "super", "laptop", "mobile", "max", "d", "ada", "pcie", "nvl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a plan is made for.

    Attributes:
        tier: its figures.
        dtypes: precisions that it computes soundly, best first.
        is_here: whether it is this machine, so that RAM and disk are what was found here.
        device_name: as its driver or its data sheet calls it.
    """

    tier: Tier
    dtypes: tuple[str, ...]
    is_here: bool
    device_name: str

    def shared_by(self, count: int) -> Target:
        """Returns the share that each of several workers has of its RAM, and of a CPU's memory."""
        tier = self.tier
        ram_gb = None if tier.ram_gb is None else tier.ram_gb / count
        is_ram = tier.kind == "cpu" and tier.memory_gb is not None
        memory_gb = tier.memory_gb / count if is_ram and tier.memory_gb is not None else tier.memory_gb
        return replace(self, tier=replace(tier, ram_gb=ram_gb, memory_gb=memory_gb))


def tier_of(hardware: HardwareConfig, *, for_run: bool) -> Tier:
    """Returns the tier of `target_of`."""
    return target_of(hardware, for_run=for_run).tier


def target_of(
    hardware: HardwareConfig, *, for_run: bool, folder: Path = Path(), held: HeldMemory = NOTHING_HELD
) -> Target:
    """Returns the device to plan for.

    Args:
        hardware: a card written down, or `auto` or `cpu`.
        for_run: whether a run will follow here, which computes on the device that is there, under the tier's limit.
        folder: where runs are written; its disk is looked at.
        held: what an earlier run of this process left loaded; the run uses it or frees it, so it counts as free.

    Returns:
        For a card that no run will be on here, what is written down; else this machine, what it has free now. A first
        call on a machine times it for about a second and remembers that in the cache folder.

    Raises:
        ConfigError: where a named device is not there.
    """
    if is_written_down(hardware) and not for_run:
        return _written(hardware)
    return _here(hardware, folder, held)


def is_written_down(hardware: HardwareConfig) -> bool:
    """Says whether a hardware config describes a card of its own, rather than whatever this machine has."""
    return hardware.memory_gb is not None and hardware.device != "cpu"


def _written(hardware: HardwareConfig) -> Target:
    capable: Any = hardware.capabilities
    if capable.bf16 is None and capable.fp16 is None and hardware.compute_capability:
        capable = cuda_capability(hardware.compute_capability, hardware.name)
    limits = [size for size in (hardware.memory_gb, hardware.memory_limit_gb) if size is not None]
    kind = _kind(hardware)
    is_shared = kind == "mps"  # one memory for both
    tier = Tier(
        name=hardware.name,
        kind=kind,
        memory_gb=min(limits),
        ram_gb=hardware.memory_gb if is_shared else _left_by_the_system(hardware.ram_gb),
        assumed_ram_gb=None if is_shared else hardware.ram_gb,
        peak=_peak(hardware.peak_tflops),
        memory_bandwidth_gb_s=hardware.memory_bandwidth_gb_s,
        pcie_bandwidth_gb_s=hardware.pcie_bandwidth_gb_s,
        fused_attention=_is_fused(kind, hardware.compute_capability, hardware.capabilities.flash_attention),
        label=hardware.label or "",
    )
    return Target(tier=tier, dtypes=supported_dtypes(capable), is_here=False, device_name=hardware.name)


def _left_by_the_system(ram_gb: float | None) -> float | None:
    return None if ram_gb is None else max(ram_gb - SYSTEM_RAM_GB, ram_gb / 2)


def ram_note(tier: Tier) -> str | None:
    """Returns how much RAM a plan assumes, and what to type where that is wrong; None where that was found out."""
    if tier.assumed_ram_gb is None:
        return None
    system = f"{SYSTEM_RAM_GB:g} GB of it for the system"
    return f"assumes {tier.assumed_ram_gb:g} GB RAM, {system}; hardware.ram_gb={2 * tier.assumed_ram_gb:g} changes it"


def _kind(hardware: HardwareConfig) -> str:
    if hardware.device != "auto":
        return hardware.device.partition(":")[0]
    named = {"apple": "mps", "arc": "xpu"}
    return named.get(hardware.name.partition("_")[0], "cuda")


def _is_fused(kind: str, capability: tuple[int, int] | None, flash: bool | None) -> bool:
    """Says whether attention takes no quadratic memory; where nobody knows, that it does."""
    if kind == "cpu" or flash:
        return True
    return kind == "cuda" and capability is not None and capability >= LEAST_OF_FUSED


def target_on(hardware: HardwareConfig, device: Device, *, folder: Path = Path()) -> Target:
    """Returns one of several devices of this machine.

    Args:
        hardware: what holds for a run; its `device` is not looked at.
        device: the one to plan for, with what is free on it now.
        folder: where runs are written; its disk is looked at.
    """
    return _target(hardware, device, folder, NOTHING_HELD, Notes(user_cache_folder() / MACHINE_FILE))


def _here(hardware: HardwareConfig, folder: Path, held: HeldMemory) -> Target:
    memory = Notes(user_cache_folder() / MACHINE_FILE)
    return _target(hardware, current_device(hardware.device, memory), folder, held, memory)


def _target(hardware: HardwareConfig, device: Device, folder: Path, held: HeldMemory, memory: Notes) -> Target:
    ram_gb = _limited(_with_held(_gib(host.available_ram_bytes()), held.ram_bytes), hardware)
    free_gb = _with_held(device.free_memory_gb, held.ram_bytes if device.kind == "cpu" else held.device_bytes)
    sizes = [size for size in (free_gb, hardware.memory_limit_gb) if size is not None]
    tier = Tier(
        name=hardware.name,
        kind="cuda" if device.kind == "rocm" else device.kind,
        memory_gb=min(sizes, default=None),
        ram_gb=ram_gb,
        disk_gb=_gib(host.disk_free_bytes(folder)),
        pcie_bandwidth_gb_s=device.pcie.bandwidth_gb_s if device.pcie else None,
        fused_attention=_is_fused(device.kind, device.compute_capability, device.flash_attention),
        label=THIS_CPU if device.kind == "cpu" else device.name,
    )
    tier = _with_rates(tier, device, hardware.threads, memory)
    return Target(tier=tier, dtypes=supported_dtypes(device), is_here=True, device_name=device.name)


def _limited(free_gb: float | None, hardware: HardwareConfig) -> float | None:
    """Returns the free RAM that may be used; what a tier assumes of another machine does not count on this one."""
    if hardware.ram_gb is None or hardware.memory_gb is not None:
        return free_gb
    return hardware.ram_gb if free_gb is None else min(free_gb, hardware.ram_gb)


def _with_rates(tier: Tier, device: Device, threads: int | None, memory: Notes) -> Tier:
    """Adds the rates of the card's data sheet, else those that were timed here."""
    sheet = _data_sheet(device)
    if sheet is not None:
        bandwidth = tier.pcie_bandwidth_gb_s or sheet.pcie_bandwidth_gb_s
        peak = _peak(sheet.peak_tflops)
        return replace(
            tier, peak=peak, memory_bandwidth_gb_s=sheet.memory_bandwidth_gb_s, pcie_bandwidth_gb_s=bandwidth
        )
    rates = measured_rates(device, threads, memory)
    timed = TimedRates(
        conv=_timed_peak(rates, "conv_"),
        attention=_timed_peak(rates, "attention_"),
        elementwise_gb_s=rates.get("elementwise"),
        kernel_s=rates.get("kernel"),
    )
    return replace(tier, peak=_timed_peak(rates), memory_bandwidth_gb_s=rates.get("copy"), timed=timed)


def _timed_peak(rates: Mapping[str, float], start: str = "") -> PeakRates:
    named = (("fp32", "float32"), ("bf16", "bfloat16"), ("fp16", "float16"))
    return PeakRates(**{short: rates.get(start + name) for short, name in named})


def _data_sheet(device: Device) -> HardwareConfig | None:
    """Returns the tier that describes a card: all words of its name, none that makes it another card, same memory."""
    if device.kind != "cuda" or device.total_memory_gb is None:
        return None
    words = _words(device.name)
    for option in sorted((builtin_conf() / "hardware").glob("*.yaml")):
        *name, _ = option.stem.split("_")
        wanted = _words(" ".join(name))
        extra = words - wanted
        if not wanted or wanted - words or extra & NOT_THE_SAME_CARD:
            continue
        sheet = HardwareConfig(**_values(option))
        if sheet.memory_gb and abs(sheet.memory_gb - device.total_memory_gb) <= sheet.memory_gb / 8:
            return sheet
    return None


def _values(option: Path) -> dict[str, Any]:
    values: dict[str, Any] = read_yaml(option.read_text("utf-8"))
    return {**values, "peak_tflops": PeakConfig(**(values.get("peak_tflops") or {}))}


def _words(name: str) -> set[str]:
    """Returns `{rtx, 3060, ti}` for `RTX 3060 Ti` as for `rtx3060ti`: letters and digits apart, but for `a100`."""
    return set(re.findall(r"(?<![a-z])[a-z]\d{1,4}(?!\d)|[a-z]+|\d+", name.lower()))


def _peak(peak: PeakConfig) -> PeakRates:
    return PeakRates(fp32=peak.fp32, fp16=peak.fp16, bf16=peak.bf16, fp8=peak.fp8, int8=peak.int8)


def _with_held(free_gb: float | None, held_bytes: int) -> float | None:
    return None if free_gb is None else free_gb + to_gib(held_bytes)


def _gib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else to_gib(size_bytes)
