"""The share of their peak rates that devices reach, and the cost of stored precisions and transfers in time.

Figures that name a source are published; those marked `assumed` are not, and their ranges are wide. Where a machine has
finished runs of its own (`vgpipe/planner/estimate/calibration.py`), they replace the shares of the peak rate.
"""

from __future__ import annotations

from vgpipe.vocabulary import BNB_INT8, FP8, GGUF, INT4, INT8, NATIVE, NF4

Range = tuple[float, float]

DENOISE_SHARE: dict[str, Range] = {
    # Whole runs of CogVideoX, HunyuanVideo, Wan and LTX on A100 and H100 imply 0.32 to 0.44, decoding included
    # (`benchmarks/plan_vs_published.py`); other published ones up to 0.66.
    "fused": (0.30, 0.66),
    # The scores and their softmax pass through memory several times; assumed.
    "math": (0.10, 0.40),
    "cpu": (0.40, 1.00),  # of a rate measured with a small matrix product; assumed
}
"""Share of peak while denoising, by kind of attention kernels."""

ENCODE_SHARE: Range = (0.20, 0.70)
"""Large matrix products over few tokens; assumed. Reading the weights once is the other bound."""

DECODE_SHARE: Range = (0.08, 0.40)
"""Convolutions of small channel counts with layout copies between them; assumed."""

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

PAGEABLE: Range = (0.05, 0.40)
"""Share of the PCIe rate for ordinary RAM. HunyuanVideo offloaded by component took 54 s longer on an A100
(huggingface.co/blog/video_gen) for 77 GiB there and back, 0.05 of 31.5 GB/s."""

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
