"""The schema of the group `hardware`: where the arithmetic happens, and the figures of the card to plan for."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vgpipe.config.limits import FrameCount, Side, record


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d{1,2})?", value):
        allowed = "it is auto, cpu, cuda, mps or xpu, or one card of several, such as cuda:1"
        raise PydanticCustomError("device", allowed)
    return value


GbPerSecond = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Gb = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
TeraFlops = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


@record
class PeakConfig:
    """Peak rates of a card in units of 10^12 operations per second, a multiply-add counting as two.

    All are dense (figures "with sparsity" are twice as high) and, unless noted, accumulate in float32
    (int8: in int32), as torch does. null: the card has no such units, or nobody has published the figure.
    """

    fp32: TeraFlops | None = None
    """float32 outside tensor cores."""
    fp16: TeraFlops | None = None
    """float16."""
    fp16_fp16_accumulate: TeraFlops | None = None
    """float16 accumulated in float16, which torch only does on request."""
    bf16: TeraFlops | None = None
    """bfloat16."""
    fp8: TeraFlops | None = None
    """float8, E4M3 or E5M2."""
    int8: TeraFlops | None = None
    """int8."""


@record
class CapabilitiesConfig:
    """What a card computes correctly; null: detected at run time."""

    bf16: bool | None = None
    """bfloat16 arithmetic in hardware."""
    fp16: bool | None = None
    """float16 arithmetic in hardware."""
    fp16_is_sound: bool | None = None
    """Whether float16 is free of NaN caused by the card, which GTX 16 cards produce."""
    fp8: bool | None = None
    """float8 arithmetic in hardware; as a storage format float8 works anywhere."""
    flash_attention: bool | None = None
    """Whether torch's flash attention kernels run."""


@record
class FloorConfig:
    """How small a clip may be made, with `run.degrade=any`, where nothing else fits."""

    num_frames: FrameCount = 17
    """Fewer frames are never made."""
    side: Side = 256
    """The shorter side is never made shorter, pixels."""


@record
class HardwareConfig:
    """Where the model's arithmetic happens, and the figures of the card to plan for.

    A tier (`hardware=rtx3060_12gb`) can be planned for on any machine. A run uses the device of this machine; of the
    tier only `memory_limit_gb` then applies. Memory is in GiB (2^30 bytes), rates in 10^9 bytes per second.
    """

    name: str = "custom"
    """The name used in logs and plans; equal to the group option's name."""
    label: str | None = None
    """What people call the card, with its memory: `RTX 3060 12GB`; null: as its driver does, or `name`."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """`auto` takes the first of cuda, xpu, mps, cpu that this machine has; `cuda:1` is one card of several.
    ROCm cards are called cuda, as torch does."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; null uses all, but fewer to denoise where a short test finds that faster and bit-identical."""
    memory_limit_gb: Gb | None = None
    """The most memory of the device, in GiB, that may be used, even where it has more; null: no limit but its own.
    A tier sets it to its `memory_gb`, less what the card or the system is known to keep from programs."""
    memory_gb: Gb | None = None
    """The card's memory, GiB; null: detected."""
    ram_gb: Gb | None = None
    """RAM of the machine that a tier's card is in, GiB; an assumption, which plans say; 2 GiB are left to the system.
    With `auto` and `cpu`, the most RAM that may be used of what is free; null: all of it."""
    memory_bandwidth_gb_s: GbPerSecond | None = None
    """Peak rate between the card's memory and its processors; null: not known."""
    pcie_bandwidth_gb_s: GbPerSecond | None = None
    """Peak rate between host and card, one direction, after line coding; null: detected, or memory is shared."""
    compute_capability: tuple[int, int] | None = None
    """NVIDIA's compute capability, such as [8, 9]; null: detected, or no NVIDIA card."""
    peak_tflops: PeakConfig = PeakConfig()
    """Peak rates; null: not known."""
    capabilities: CapabilitiesConfig = CapabilitiesConfig()
    """What it computes correctly."""
    floor: FloorConfig = FloorConfig()
    """The smallest clip that `run.degrade=any` may make."""
    source: str | None = None
    """Where the figures come from; null where there are none."""
