"""Lines about the device and memory; the only module of the doctor that knows `vgpipe.hardware`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.probes import Answer
from vgpipe.hardware.records import Device, device_from_json
from vgpipe.units import GIB, format_size


def machine_facts() -> dict[str, Any]:
    """Returns `vgpipe.hardware.detect()` as plain values; imports torch, so it runs in the child process."""
    from vgpipe.hardware import detect

    return asdict(detect())


def device_lines(machine: Answer, torch: Answer) -> list[ReportLine]:
    """Returns a line for every device.

    Args:
        machine: the answer to `machine`.
        torch: the answer to `torch`, which has tried each GPU.
    """
    if not machine.ok:
        remedy = "repair torch first" if machine.skipped else ""
        return [ReportLine(Section.DEVICE, "devices", Status.WARNING, machine.error, remedy)]
    errors = [str(gpu["error"]) for gpu in torch.value["gpus"]] if torch.ok else []
    return [_device_line(device_from_json(facts), errors) for facts in machine.value["devices"]]


def _device_line(device: Device, kernel_errors: Sequence[str]) -> ReportLine:
    found = ", ".join([device.name, *_memory(device), *_abilities(device)])
    remedy = "install a build of torch for this GPU: pytorch.org/get-started/locally"
    if error := _kernel_error(device, kernel_errors):
        found = f"{found}; torch cannot compute on it: {error}"
        return ReportLine(Section.DEVICE, device.torch_device, Status.BROKEN, found, remedy)
    if not device.usable and device.kind != "cpu":
        found = f"{found}; this build of torch cannot use it"
        return ReportLine(Section.DEVICE, device.torch_device, Status.WARNING, found, remedy)
    return ReportLine(Section.DEVICE, device.torch_device, Status.OK, found)


def _memory(device: Device) -> list[str]:
    if device.total_memory_gb is None:
        return []
    free = f" ({format_size(device.free_memory_gb * GIB)} free)" if device.free_memory_gb is not None else ""
    return [format_size(device.total_memory_gb * GIB) + free]


def _abilities(device: Device) -> list[str]:
    dtypes = [name for name, has in (("bf16", device.bf16), ("fp16", device.fp16), ("fp8", device.fp8)) if has]
    driver = [f"driver {device.driver}"] if device.driver else []
    return [" ".join(dtypes), *driver] if dtypes else driver


def _kernel_error(device: Device, kernel_errors: Sequence[str]) -> str:
    if device.kind not in ("cuda", "rocm") or not device.usable or device.index >= len(kernel_errors):
        return ""
    return kernel_errors[device.index]


def memory_facts() -> dict[str, int | None]:
    """Returns the host's RAM, its cgroup limit and the threads that torch can use; runs in the child process."""
    from vgpipe.hardware import cgroup, cpu_threads, host

    total, available = host.ram_bytes()
    limit, threads = cgroup.read(), cpu_threads.threads_at_once()
    return {
        "total": total, "available": available, "limit": limit.limit_bytes, "room": limit.room_bytes, "threads": threads
    }  # fmt: skip


def worker_lines(machine: Answer, memory: Answer) -> list[ReportLine]:
    """Returns a line that says how many workers a run has here; none where nothing is known.

    Args:
        machine: the answer to `machine`.
        memory: the answer to `memory`.
    """
    if not machine.ok or not memory.ok:
        return []
    devices = [device_from_json(facts) for facts in machine.value["devices"]]
    gpus = [one.torch_device for one in devices if one.usable and one.kind != "cpu"]
    alike = [gpu for gpu in gpus if gpu.partition(":")[0] == gpus[0].partition(":")[0]]
    threads = int(memory.value["threads"])
    if len(alike) > 1:
        found = f"{len(alike)} with executor.workers=auto: {', '.join(alike)}"
    elif alike or threads == 1:
        found = f"1 with executor.workers=auto: {alike[0] if alike else 'the CPU has one thread'}"
    else:
        found = f"1 to {threads} with executor.workers=auto: RAM, and a trial when a run starts, decide"
    return [ReportLine(Section.DEVICE, "workers", Status.OK, found)]


def memory_lines(memory: Answer) -> list[ReportLine]:
    """Returns lines for the host's RAM and its cgroup limit.

    Args:
        memory: the answer to `memory`.
    """
    if not memory.ok:
        return [ReportLine(Section.DEVICE, "RAM", Status.WARNING, memory.error, "repair psutil first")]
    total, available = memory.value["total"], memory.value["available"]
    if total is None:
        return [ReportLine(Section.DEVICE, "RAM", Status.WARNING, "unknown on this system")]
    lines = [ReportLine(Section.DEVICE, "RAM", Status.OK, f"{format_size(total)}, {format_size(available)} free")]
    return [*lines, _limit_line(memory.value["limit"], memory.value["room"], total)]


def _limit_line(limit: int | None, room: int | None, total: int) -> ReportLine:
    if limit is None or limit >= total:
        return ReportLine(Section.DEVICE, "cgroup limit", Status.OK, "none")
    found = f"{format_size(limit)}, {format_size(room or 0)} left: less than the machine's RAM"
    remedy = "raise the memory limit of the container or unit, or plan with less"
    return ReportLine(Section.DEVICE, "cgroup limit", Status.WARNING, found, remedy)
