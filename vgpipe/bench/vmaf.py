"""VMAF of a clip against a reference, by the libvmaf of ffmpeg, where the ffmpeg has it.

Netflix trained it on people who saw compressed films of 1920x1080 on a television: of small pictures, and of what a
diffusion model changes, it was never said to predict anything. It is a third opinion beside PSNR and SSIM.

Shape suffixes: T frames, H height, W width, C colour.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np

from vgpipe.errors import VgpipeError
from vgpipe.exporters.ffmpeg import answer, pipe
from vgpipe.exporters.joined_frames import Frames
from vgpipe.units import GIB, MIB

FILTER, TIMEOUT_S = "libvmaf", 600.0
OF_PATHS = str.maketrans({one: f"\\{one}" for one in "\\':"})
OF_GRAPHS = str.maketrans({one: f"\\{one}" for one in "\\'[],;"})


@cache
def lacking() -> str:
    """Returns why there is no VMAF: no ffmpeg, or one without libvmaf; empty where there is."""
    try:
        told = answer(["-filters"], max_bytes=4 * MIB, timeout_s=60, max_memory_bytes=4 * GIB)
    except VgpipeError as error:
        return f"no VMAF: {error}"
    return "" if FILTER.encode() in told else "no VMAF: this ffmpeg has no libvmaf"


def vmaf(frames_THWC: Frames, reference_THWC: Frames) -> tuple[float, float] | None:
    """Returns the VMAF of a clip: the mean over its frames and the worst frame, 0 to 100.

    Args:
        frames_THWC: uint8.
        reference_THWC: of the same shape.

    Returns:
        The figures; None where ffmpeg gives none.
    """
    if lacking() or tuple(frames_THWC.shape) != tuple(reference_THWC.shape):
        return None
    with tempfile.TemporaryDirectory(prefix="vgpipe-vmaf-") as folder:
        reference, told = Path(folder) / "reference.rgb", Path(folder) / "vmaf.json"
        _write(reference, reference_THWC)
        try:
            arguments, sums = _arguments(frames_THWC, reference, told), Path(folder) / "sums"
            pipe(arguments, frames_THWC, target=sums, timeout_s=TIMEOUT_S)
            found = json.loads(told.read_bytes())
            values = [float(frame["metrics"]["vmaf"]) for frame in found["frames"]]
        except (VgpipeError, OSError, ValueError, KeyError, TypeError):
            return None
    return (fmean(values), min(values)) if values else None


def _write(path: Path, frames_THWC: Iterable[np.ndarray]) -> None:
    with path.open("wb") as file:
        for frame_HWC in frames_THWC:
            file.write(np.ascontiguousarray(frame_HWC).tobytes())


def _arguments(frames_THWC: Frames, reference: Path, told: Path) -> list[str]:
    _, height, width, _ = frames_THWC.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "24"]
    place = str(told).translate(OF_PATHS).translate(OF_GRAPHS)
    graph = f"[0]format=yuv444p[a];[1]format=yuv444p[b];[a][b]{FILTER}=log_fmt=json:log_path={place}"
    return [*raw, "-i", "-", *raw, "-i", str(reference), "-lavfi", graph, "-f", "framemd5"]
