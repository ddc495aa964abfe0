"""The share of their peak rates that devices reach, and the cost of stored precisions and transfers in time.

Figures that name a source are published; those marked `assumed` are not, and their ranges are wide. Where a machine has
finished runs of its own (`vgpipe/planner/estimate/calibration.py`), they replace the ranges around what is expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from vgpipe.vocabulary import BNB_INT8, DECODE, DENOISE, ENCODE, FP8, GGUF, INT4, INT8, NATIVE, NF4

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shares:
    """What a device reaches of its data sheet.

    Attributes:
        matmul: share of the peak rate in linear layers.
        attention: in attention proper.
        conv: in convolutions.
        elementwise: share of the memory's rate in operations on every element.
    """

    matmul: float
    attention: float
    conv: float
    elementwise: float


LARGE, MIDDLE_SIZED = Shares(0.55, 0.34, 0.26, 0.65), Shares(0.62, 0.46, 0.30, 0.62)
SMALL, UNFUSED = Shares(0.85, 0.80, 0.40, 0.75), Shares(0.70, 0.15, 0.35, 0.60)
"""Chosen so that whole runs take what was published, decoding included (`benchmarks/time_vs_published.py`): diffusers
on an A100 (middle-sized) with CogVideoX, HunyuanVideo, Wan 1.3B and LTX, on an H100 (large) with CogVideoX, and Wan
itself on an RTX 4090 (small). Without fused attention, scores and softmax pass through memory several times; assumed.
"""

TIMED_ELEMENTWISE = 0.6
"""Of the rate that is timed with few and cheap operations; `benchmarks/plan_vs_measured.py` on a CPU."""
PYTHON_PER_KERNEL = 12.0
"""Seconds of Python code of modules, hooks and pipelines, per second of an operation on one element; as before."""
LAUNCH_S = 15e-6
"""Between the starts of two operations on a device, by modules of diffusers; assumed."""
OVERHEAD_S = 0.1
"""What a stage may take beside its components, its first calls included: measured on a CPU, assumed for others. Not
counted for denoising on others, of which a draft is a share."""

SPREAD: dict[str, Range] = {ENCODE: (0.6, 3.0), DENOISE: (0.70, 1.35), DECODE: (0.65, 1.7)}
"""Seconds per expected second (`benchmarks/time_vs_published.py`). Decoding is known from three published times alone,
of other programs; encoding is assumed."""
CPU_SPREAD: Range = (0.62, 1.40)
"""The same of all stages on a CPU that was timed: `benchmarks/plan_vs_measured.py`. Without a limit on memory glibc
reuses pages, and stages take as much as a quarter less than in these runs."""
NOT_COUNTED: Range = (0.4, 3.0)
"""The same where operations were estimated from sizes; assumed."""


def shares_of(peak_tflops: float, *, fused: bool) -> Shares:
    """Returns what a device reaches: the faster its tensor cores, the less, as its memory is not faster by as much.

    Args:
        peak_tflops: of 16-bit matrix products.
        fused: whether its attention kernels take no quadratic memory.
    """
    if not fused:
        return UNFUSED
    return LARGE if peak_tflops > 600 else MIDDLE_SIZED if peak_tflops > 250 else SMALL


def spread_of(stage: str, kind: str, *, is_counted: bool) -> Range:
    """Returns the least and most seconds of a stage per expected second.

    Args:
        stage: encode, denoise or decode.
        kind: of the device: cuda, mps, xpu or cpu.
        is_counted: whether all operations were counted, not the products alone.
    """
    if not is_counted:
        return NOT_COUNTED
    return CPU_SPREAD if kind == "cpu" else SPREAD[stage]


SLOWDOWN: dict[str, Range] = {
    NATIVE: (1.0, 1.0),
    FP8: (0.99, 1.07),  # HunyuanVideo 856 s for 863 (huggingface.co/blog/video_gen); reading and casting weights
    INT8: (1.07, 1.40),  # CogVideoX-5b 260 s for 243 (sayakpaul/diffusers-torchao)
    BNB_INT8: (
        1.14,
        1.37,
    ),  # HunyuanVideo 997 s for 870, 1260 s with offloading for 917 (huggingface.co/blog/video_gen)
    NF4: (1.00, 1.02),  # HunyuanVideo 867 s for 863, 889 s for 870 (huggingface.co/blog/video_gen)
    INT4: (1.40, 4.70),  # CogVideoX-5b 1131 s for 243 (sayakpaul/diffusers-torchao): its kernel is made for few tokens
    GGUF: (1.02, 1.40),  # unpacked at every use; assumed
}
"""Seconds with weights in that precision, per second with native ones."""

PAGEABLE: Range = (0.05, 0.25)
"""Share of the PCIe rate for ordinary RAM that whole components move to, once. HunyuanVideo offloaded by component took
54 s longer on an A100 (huggingface.co/blog/video_gen) for 77 GiB there and back, 0.05 of 31.5 GB/s."""

PAGEABLE_PIECES: Range = (0.10, 0.40)
"""The same for pieces that move there and back at every call: on an A100, blocks of Wan 14B take 1260 s longer without
streams than leaves with them (diffusers' page on Wan), 0.17; those of Qwen-Image 49 s per step (diffusers#12910), 0.10.
"""

PINNED: Range = (0.50, 0.90)
"""Share of the PCIe rate for pinned RAM; assumed."""

PINNING_GB_S: Range = (1.0, 4.0)
"""Copying weights into pinned RAM, which the system locks; assumed."""

NOT_HIDDEN = 0.25
"""The most that the shorter of computing and prefetching adds to the longer, as a share of the shorter; assumed."""

DISK_GB_S: Range = (0.5, 3.0)
"""Reading weight files: a SATA SSD, and an NVMe one; assumed."""

FILES_IN_RAM_GB_S = 10.0
"""Reading files that the system still caches in RAM, at best; assumed."""
