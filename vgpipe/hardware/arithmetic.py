"""Names what decides the last bits of a device's arithmetic."""

from __future__ import annotations

from vgpipe.hardware.devices import device_of


def arithmetic_of(device: str) -> str:
    """Returns the kind of a device and what selects its kernels: `cpu AVX512`, `cuda NVIDIA GeForce RTX 3060`.

    Args:
        device: torch device string.
    """
    kind = device.partition(":")[0]
    if kind != "cpu":
        return f"{kind} {device_of(device).name}"
    import torch

    return f"cpu {torch.backends.cpu.get_cpu_capability()}"
