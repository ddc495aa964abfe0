"""How much memory ffmpeg takes for each pixel of a frame; `exporters/bounds.py` allows twice as much.

    python benchmarks/encoder_memory.py [HEIGHT]

Linux only. Found on 2 cores with ffmpeg 9.0 at 2160 lines (motion estimation at 1080), in bytes a pixel: resident /
private memory (VmData, what `RLIMIT_DATA` counts):

    x264 medium 228 / 275, x264 veryslow 426 / 486, x265 medium 207 / 246, SVT-AV1 201 / 247, VP9 155 / 168,
    FFV1 114 / 131, motion estimation into x264 441 / 545
"""

from __future__ import annotations

import os
import sys
import time

from vgpipe.exporters.ffmpeg import executable
from vgpipe.exporters.video import FROM_BT709, TO_BT709

H264 = ("-c:v", "libx264", "-preset")
CASES = {
    "x264 medium": (60, TO_BT709, (*H264, "medium")),
    "x264 veryslow": (70, TO_BT709, (*H264, "veryslow")),
    "x265 medium": (40, TO_BT709, ("-c:v", "libx265", "-preset", "medium")),
    "SVT-AV1": (40, TO_BT709, ("-c:v", "libsvtav1", "-preset", "6")),
    "VP9": (30, TO_BT709, ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "8", "-row-mt", "1")),
    "FFV1": (20, "format=bgr0", ("-c:v", "ffv1")),
    "motion estimation": (
        6, f"{TO_BT709},format=yuv444p,minterpolate=fps=30,{FROM_BT709},{TO_BT709}", (*H264, "medium"),
    ),
}  # fmt: skip


def peaks(arguments: list[str]) -> tuple[int, int]:
    """Returns the largest resident and private memory of a run of ffmpeg, bytes."""
    process_id = os.fork()
    if process_id == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        os.execv(executable(), [executable(), "-hide_banner", "-loglevel", "error", *arguments])
    private_kib = 0
    while True:
        ended, status, usage = os.wait4(process_id, os.WNOHANG)
        if ended:
            if status:
                raise SystemExit(f"ffmpeg failed ({status})")
            return usage.ru_maxrss << 10, private_kib << 10
        with open(f"/proc/{process_id}/status") as lines:
            found = [int(line.split()[1]) for line in lines if line.startswith("VmData")]
        private_kib = max([private_kib, *found])
        time.sleep(0.02)


def main() -> None:
    """Prints a line for each case."""
    height = int(sys.argv[1]) if len(sys.argv) > 1 else 2160
    for name, (frames, filters, codec) in CASES.items():
        lines = height // 2 if name == "motion estimation" else height
        width = lines * 16 // 9
        source = ["-f", "lavfi", "-i", f"testsrc2=s={width}x{lines}:r=10", "-frames:v", str(frames)]
        pixels = [] if name == "FFV1" else ["-pix_fmt", "yuv420p"]
        found = peaks([*source, "-vf", filters, *codec, *pixels, "-f", "matroska", "-y", os.devnull])
        resident, private = (size / width / lines for size in found)
        sys.stdout.write(f"{name:<20}{resident:5.0f} resident {private:5.0f} private, bytes a pixel\n")


if __name__ == "__main__":
    main()
