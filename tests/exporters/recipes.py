"""Recipes to put into files, and what puts them there."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from tests.exporters.clips import REAL_FFMPEG
from vgpipe.exporters.base import exporter

HOSTILE = {
    "vgpipe": 1,
    "prompt": '\'"=;#\\\n\r\n[STREAM]\ncomment=x\0\t\x1b[31m</vgpipe:recipe>]]>&amp;<!-- "vgpipe"'
    "猫 🐈 שלום\u202e %s %03d $(x) `x`",
    "lone": "\ud800",
    "nested": {"a": [None, True, 1.5, -0.0, 10**30, {"": ""}], "é": []},
    "latents": "sha256:abc",
    "degradations": [],
}
LARGE = {**HOSTILE, "noise": random.Random(0).randbytes(24_500).hex()}  # 50 kB that cannot be compressed by much

KINDS = {
    **{
        kind: {"name": kind} for kind in ("mp4", "mp4_hevc", "webm", "av1", "mov_prores", "ffv1", "gif", "webp", "apng")
    },
    "png": {"name": "frames"},
    "jpg": {"name": "frames", "image_format": "jpg"},
    "last_frame": {"name": "last_frame"},
    "sheet": {"name": "sheet"},
}
IN_FOLDER = ("png", "jpg")


def exported(kind: str, frames, folder: Path, recipe=None, **settings) -> Path:
    """Exports into a new folder; returns the file, or the folder of the frames."""
    folder.mkdir()
    made = exporter({**KINDS[kind], **settings}).export(frames, fps=8.0, folder=folder, recipe=recipe)
    assert made.degradation is None
    assert sorted(path.name for path in folder.iterdir()) == sorted(made.files)
    return folder if kind in IN_FOLDER else folder / made.files[0]


def remuxed(path: Path, target: Path) -> Path:
    """Copies a video into another container, as it is."""
    subprocess.run([REAL_FFMPEG, "-v", "error", "-i", path, "-c", "copy", "-y", target], check=True)
    return target
