"""Records of detection. Every `_gb` is in GiB (2^30 bytes); None: unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["cuda", "rocm", "mps", "xpu", "cpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcie:
    """The fastest link between host and card; idle cards slow it down.

    Attributes:
        generation: of PCI Express, at least 1.
        width: lanes.
    """

    generation: int
    width: int

    @property
    def bandwidth_gb_s(self) -> float:
        """Peak rate in one direction after line coding, 10^9 bytes per second."""
        giga_transfers = 2.5 * 2 ** (self.generation - 1) if self.generation < 3 else 2.0**self.generation
        coding = 8 / 10 if self.generation < 3 else 128 / 130
        return giga_transfers * coding * self.width / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device that a model could run on.

    Attributes:
        index: among devices of its kind.
        kind: `cuda` (NVIDIA), `rocm` (AMD), `mps` (Apple), `xpu` (Intel) or `cpu`.
        name: from its driver.
        total_memory_gb: its memory, GiB; for `cpu` and `mps`, the share of the machine's RAM that it may use.
        free_memory_gb: of that, free now, GiB.
        compute_capability: NVIDIA's, such as (8, 9).
        architecture: AMD's, such as `gfx1100`.
        bf16: bfloat16 arithmetic in hardware (on a CPU: torch supports it on all of them).
        fp16: float16 arithmetic in hardware.
        fp16_is_sound: False if the card itself produces NaN in float16.
        fp8: float8 arithmetic; float8 storage works everywhere.
        tensor_cores: whether it has matrix units.
        flash_attention: whether torch's flash attention kernels run on it.
        driver: version.
        pcie: its link; None if unknown.
        usable: whether the installed torch can compute on it.
    """

    index: int
    kind: Kind
    name: str
    total_memory_gb: float | None = None
    free_memory_gb: float | None = None
    compute_capability: tuple[int, int] | None = None
    architecture: str | None = None
    bf16: bool = False
    fp16: bool = False
    fp16_is_sound: bool = True
    fp8: bool = False
    tensor_cores: bool = False
    flash_attention: bool = False
    driver: str | None = None
    pcie: Pcie | None = None
    usable: bool = True

    @property
    def torch_device(self) -> str:
        """The string torch knows it by; ROCm cards are `cuda` there."""
        if self.kind in ("cpu", "mps"):
            return self.kind
        return f"{'cuda' if self.kind == 'rocm' else self.kind}:{self.index}"


def device_from_json(facts: Mapping[str, Any]) -> Device:
    """Returns a device from `asdict` of one that went through JSON.

    Raises:
        TypeError: for other fields than those of a device.
    """
    capability, pcie = facts.get("compute_capability"), facts.get("pcie")
    return Device(
        **{
            **facts,
            "compute_capability": None if capability is None else tuple(capability),
            "pcie": None if pcie is None else Pcie(**pcie),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """What the installed torch was built for.

    Attributes:
        version: such as `2.8.0+cu128`.
        cuda: CUDA version it was built with.
        hip: HIP (ROCm) version it was built with.
        xpu: oneAPI version it was built with.
        mps: whether it was built for Apple's GPUs.
    """

    version: str
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None
    mps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The result of detection.

    Attributes:
        devices: accelerators that torch can use, then those it cannot, then the CPU.
        torch: its build; None if it cannot be imported.
        torch_error: why torch, or one of its devices, cannot be used; None without an error.
        cpu_name: from the system.
        cores: logical cores that this process may use.
        ram_total_gb: RAM of the machine, GiB.
        ram_available_gb: RAM still available under the cgroup limit, GiB.
        cgroup_limit_gb: limit of the cgroup (container, systemd unit), GiB; None without a limit.
        disk_free_gb: free on the disk where runs are written, GiB.
    """

    devices: tuple[Device, ...]
    torch: TorchBuild | None
    torch_error: str | None
    cpu_name: str
    cores: int
    ram_total_gb: float | None
    ram_available_gb: float | None
    cgroup_limit_gb: float | None
    disk_free_gb: float | None

    @property
    def best(self) -> Device:
        """The device that `hardware.device=auto` selects."""
        return next(device for device in self.devices if device.usable or device.kind == "cpu")
