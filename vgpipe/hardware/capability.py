"""Derives which arithmetic a device supports from its capability, and from its name where capability is not enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

# The chips TU116 and TU117: capability 7.5 like an RTX 20, but no tensor cores, and float16 kernels give NaN
# (pytorch#58123, pytorch#77955). Only the name distinguishes them.
_NO_TENSOR_CORES = re.compile(
    r"\b(GTX 16\d\d|MX\s?450|MX\s?550|T400|T500|T550|T600|T1000|T1200|T2000)\b", re.IGNORECASE
)


class Capable(Protocol):
    """A detected `Device`, or the `hardware.capabilities` of a tier, where null means no."""

    @property
    def bf16(self) -> bool | None:
        """bfloat16 arithmetic."""

    @property
    def fp16(self) -> bool | None:
        """float16 arithmetic."""

    @property
    def fp16_is_sound(self) -> bool | None:
        """float16 arithmetic that produces no spurious NaN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a device supports; the fields are those of `Device`."""

    bf16: bool = False
    fp16: bool = False
    fp16_is_sound: bool = True
    fp8: bool = False
    tensor_cores: bool = False
    flash_attention: bool = False


CPU = Capability(bf16=True)
"""float32 and bfloat16; float16 is slow or missing on most CPUs, so it is not offered."""


def cuda_capability(compute_capability: tuple[int, int], name: str) -> Capability:
    """Returns what an NVIDIA card supports.

    Args:
        compute_capability: such as (8, 9).
        name: from the driver; matters only for 7.5.
    """
    is_cut_down = compute_capability == (7, 5) and _NO_TENSOR_CORES.search(name) is not None
    return Capability(
        bf16=compute_capability >= (8, 0),
        fp16=compute_capability >= (5, 3),
        fp16_is_sound=not is_cut_down,
        fp8=compute_capability >= (8, 9),
        tensor_cores=compute_capability >= (7, 0) and not is_cut_down,
        flash_attention=compute_capability >= (8, 0),
    )


def rocm_capability(architecture: str) -> Capability:
    """Returns what an AMD card supports.

    Args:
        architecture: torch's `gcnArchName`, such as `gfx90a:sramecc+:xnack-`.
    """
    chip = architecture.partition(":")[0]
    matrix = chip.startswith(("gfx908", "gfx90a", "gfx94", "gfx95", "gfx11", "gfx12"))
    return Capability(
        bf16=matrix,
        fp16=True,
        fp8=chip.startswith(("gfx94", "gfx95", "gfx12")),
        tensor_cores=matrix,
        # the others need TORCH_ROCM_AOTRITON_ENABLE_EXPERIMENTAL (pytorch#134498)
        flash_attention=chip in ("gfx90a", "gfx942", "gfx950"),
    )


def supported_dtypes(capable: Capable) -> tuple[str, ...]:
    """Returns the dtypes that a device computes correctly.

    Args:
        capable: a detected device, or the capabilities of a tier to plan for.

    Returns:
        The supported ones of `bfloat16`, `float16` and `float32`, in this order; `float32` always is.
    """
    halves = [("bfloat16", capable.bf16), ("float16", capable.fp16 and capable.fp16_is_sound)]
    return (*(name for name, is_sound in halves if is_sound), "float32")
