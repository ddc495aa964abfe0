"""Describes a machine, one fact per line."""

from __future__ import annotations

from vgpipe.hardware.capability import supported_dtypes
from vgpipe.hardware.devices import format_gib
from vgpipe.hardware.records import Device, Machine, TorchBuild


def describe(machine: Machine) -> list[str]:
    """Returns one line each for torch, every device, the CPU, RAM and disk.

    Args:
        machine: from `detect`.
    """
    limit = f", its cgroup allows {format_gib(machine.cgroup_limit_gb)}" if machine.cgroup_limit_gb is not None else ""
    lines = [_torch(machine.torch, machine.torch_error)]
    lines += [_device(device) for device in machine.devices if device.kind != "cpu"]
    lines.append(f"cpu: {machine.cpu_name}, {machine.cores} cores")
    lines.append(f"ram: {format_gib(machine.ram_total_gb)}, {format_gib(machine.ram_available_gb)} available{limit}")
    lines.append(f"disk: {format_gib(machine.disk_free_gb)} free")
    return lines


def _torch(build: TorchBuild | None, error: str | None) -> str:
    if build is None:
        return f"torch: {error}"
    targets = {"CUDA": build.cuda, "ROCm": build.hip, "XPU": build.xpu, "MPS": "" if build.mps else None}
    built = ", ".join(f"{name} {version}".strip() for name, version in targets.items() if version is not None)
    return f"torch: {build.version}, built for {built or 'the CPU only'}" + (f" ({error})" if error else "")


def _device(device: Device) -> str:
    """Returns `cuda:0: NVIDIA GeForce RTX 4090, 24 GiB, 23.2 GiB free, ...`."""
    facts = [
        device.name,
        format_gib(device.total_memory_gb),
        f"{format_gib(device.free_memory_gb)} free",
        *_capabilities(device),
    ]
    if device.driver:
        facts.append(f"driver {device.driver}")
    if device.pcie:
        rate = f"{device.pcie.bandwidth_gb_s:.1f} GB/s"
        facts.append(f"PCIe {device.pcie.generation}.0 x{device.pcie.width} ({rate})")
    if not device.usable:
        facts.append("not usable by this torch")
    return f"{device.torch_device}: {', '.join(facts)}"


def _capabilities(device: Device) -> list[str]:
    chip = [f"capability {'.'.join(map(str, device.compute_capability))}"] if device.compute_capability else []
    chip += [device.architecture] if device.architecture else []
    unsound = ["float16 gives NaN"] if not device.fp16_is_sound else []
    extras = [name for name, has in (("float8", device.fp8), ("flash attention", device.flash_attention)) if has]
    return [*chip, "/".join(supported_dtypes(device)), *unsound, *extras]
