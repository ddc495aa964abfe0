"""Clips to export, a reader of what came of them, and an ffmpeg that lacks encoders."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

REAL_FFMPEG = get_ffmpeg_exe()
BARS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)], "uint8")


def smooth(count=9, height=48, width=64):
    """Smooth colours that move, so that chroma subsampling costs little."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    red, green, blue = 128 + 100 * np.sin((x + 4 * t) / 19), 255 * y / height, 255 - 200 * x / width
    return np.stack([red, green, blue], -1).clip(0, 255).astype("uint8")


def bars(count=5, height=64):
    """Red, green and blue, fully saturated, 32 pixels wide each."""
    return np.broadcast_to(np.repeat(BARS, 32, axis=0), (count, height, 96, 3)).copy()


def decoded(path: Path):
    """Returns the frames of a file, and what ffmpeg says of it."""
    command = [REAL_FFMPEG, "-hide_banner", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo"]
    command += ["-vf", "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp", "-pix_fmt", "rgb24", "-"]
    ran = subprocess.run(command, capture_output=True, check=True)
    told = ran.stderr.decode()
    width, height = map(int, re.search(r"Video: .*?, (\d+)x(\d+)", told).groups())
    return np.frombuffer(ran.stdout, "uint8").reshape(-1, height, width, 3), told


def psnr_db(a, b):
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


@cache
def encoders() -> frozenset[str]:
    """Returns the encoders of the bundled ffmpeg."""
    told = subprocess.run([REAL_FFMPEG, "-hide_banner", "-encoders"], capture_output=True, text=True).stdout
    return frozenset(re.findall(r"^ V\S+ (\S+)", told, re.MULTILINE))


def fake_ffmpeg(folder: Path, actions: Mapping[str, str]) -> Path:
    """Writes an ffmpeg that does otherwise for some encoders, and notes in `calls` which it was asked for.

    Args:
        folder: where it goes.
        actions: encoder -> what the shell does in its place.
    """
    cases = "".join(f"      {encoder}) {action};;\n" for encoder, action in actions.items())
    script = folder / "ffmpeg"
    script.write_text(
        f"""#!/bin/sh
last=
for one in "$@"; do
  if [ "$last" = -c:v ]; then
    echo "$one" >>"{folder}/calls"
    case "$one" in
{cases}    esac
  fi
  last="$one"
done
exec "{REAL_FFMPEG}" "$@"
"""
    )
    script.chmod(0o755)
    return script


def refuses(encoder: str) -> str:
    """Returns what an ffmpeg does that lacks an encoder."""
    return f"echo \"[vost#0:0 @ 0x5] Unknown encoder '{encoder}'\" >&2; exit 8"


def ffmpeg_without(folder: Path, *encoders: str) -> Path:
    """Writes an ffmpeg that lacks encoders."""
    return fake_ffmpeg(folder, {encoder: refuses(encoder) for encoder in encoders})
