"""Exports a clip of moving shapes in every kind, and asks another ffmpeg than vgpipe's what the files are.

usage: python benchmarks/exporter_table.py

It needs ffmpeg and ffprobe on the PATH, of any version since 5: `apt install ffmpeg`, `brew install ffmpeg`,
`winget install ffmpeg`. Prints two tables: every kind as it is probed and decoded, and what delivers while encoders are
missing one after another. T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.exporters.clips import ffmpeg_without, psnr_db
from vgpipe.exporters.base import exporter
from vgpipe.exporters.exported import Exported, Fallback
from vgpipe.exporters.reading import read_recipe

VIDEOS = {  # kind -> its encoder
    **{"mp4": "libx264", "mp4_hevc": "libx265", "webm": "libvpx-vp9", "av1": "libsvtav1", "mov_prores": "prores_ks"},
    **{"ffv1": "ffv1", "gif": "gif", "webp": "libwebp", "apng": "apng"},
}
SETTINGS: dict[str, dict[str, Any]] = {
    **{kind: {"name": kind} for kind in VIDEOS},
    "frames (png)": {"name": "frames"},
    "frames (jpg)": {"name": "frames", "image_format": "jpg"},
    "sheet": {"name": "sheet"},
}
CLIPS = ((24, 96, 160, 24.0), (24, 97, 161, 23.976))  # frames, height, width, frames a second
STAND_INS = ("libx264", "libopenh264", "mpeg4", "gif")
RECIPE = {"vgpipe": 1, "prompt": 'a "red" circle; a square = 2 \\ #1, 🐈', "degradations": []}
COLUMNS = (
    *(
        "kind",
        "codec, pixels",
        "size asked -> got",
        "frames",
        "fps",
        "matrix, primaries, transfer, range",
        "least PSNR, dB",
    ),
    *("mean shift R G B", "recipe", "bytes"),
)
CHAIN_COLUMNS = ("asked", "encoders refused", "delivered", "frames decoded", "in the record and in the file", "reason")


def shapes(count: int, height: int, width: int) -> np.ndarray:
    """Returns a red circle, a green square and a blue bar that move over a grey slope, (T, H, W, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    frames_THWC = np.empty((count, height, width, 3), "uint8")
    for index in range(count):
        at = index / count
        frame_HWC = frames_THWC[index]
        frame_HWC[:] = (64 + 128 * x / width)[..., None].astype("uint8")
        frame_HWC[(x - width * (0.2 + 0.6 * at)) ** 2 + (y - height * 0.35) ** 2 < (height / 5) ** 2] = (224, 32, 32)
        frame_HWC[(abs(x - width * 0.3) < height / 7) & (abs(y - height * (0.8 - 0.5 * at)) < height / 7)] = (
            32,
            192,
            48,
        )
        frame_HWC[abs(x - width * (0.9 - 0.3 * at)) < width / 24] = (40, 64, 220)
    return frames_THWC


def system(name: str) -> str:
    """Returns a program of the machine's own.

    Raises:
        SystemExit: where it is missing, with how to get it.
    """
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not on the PATH: apt install ffmpeg, brew install ffmpeg or winget install ffmpeg")
    return found


def probed(source: str) -> dict[str, Any]:
    """Returns what ffprobe says of a file's video stream."""
    entries = "codec_name,pix_fmt,width,height,r_frame_rate,avg_frame_rate,color_space,"
    entries += "color_primaries,color_transfer,color_range,nb_read_frames"
    command = [system("ffprobe"), "-v", "error", "-count_frames", "-select_streams", "v:0"]
    command += ["-show_entries", f"stream={entries}", "-of", "json", source]
    ran = subprocess.run(command, capture_output=True, text=True)
    streams = json.loads(ran.stdout or "{}").get("streams", [])
    return streams[0] if streams else {}


def decoded(source: str, height: int, width: int) -> np.ndarray:
    """Returns the frames of a file as the machine's own ffmpeg decodes them, (T, H, W, 3) uint8."""
    command = [system("ffmpeg"), "-v", "error", "-i", source, "-vsync", "passthrough", "-f", "rawvideo"]
    command += ["-vf", "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp", "-pix_fmt", "rgb24", "-"]
    ran = subprocess.run(command, capture_output=True)
    return np.frombuffer(ran.stdout, "uint8").reshape(-1, height, width, 3)


def by_pillow(path: Path) -> tuple[np.ndarray, float]:
    """Returns the frames of an animation as Pillow decodes them, and their rate."""
    with Image.open(path) as image:
        shown = [(np.asarray(one.convert("RGB")), image.info["duration"]) for one in ImageSequence.Iterator(image)]
    return np.stack([frame for frame, _ in shown]), 1000 * len(shown) / sum(ms for _, ms in shown)


def row(label: str, folder: Path, clip: tuple[int, int, int, float]) -> list[str]:
    """Exports a clip in one kind and returns its row of the first table."""
    count, height, width, fps = clip
    original_THWC = shapes(count, height, width)
    made = exporter(SETTINGS[label]).export(original_THWC, fps=fps, folder=folder, recipe=RECIPE)
    stream, frames_THWC = read_back(made, folder)
    asked = f"{width}x{height} -> {stream['width']}x{stream['height']}"
    cells = [label, f"{stream['codec_name']}, {stream['pix_fmt']}", asked, f"{count} -> {stream['nb_read_frames']}"]
    shown_THWC = original_THWC[:1] if made.kind == "sheet" else original_THWC  # its first tile is the first frame
    cells += [_rate(made, fps, stream), _colours(stream), *_compared(frames_THWC, shown_THWC)]
    size_bytes = sum((folder / name).stat().st_size for name in made.files)
    return [*cells, "yes" if read_recipe(_carrier(made, folder)) == RECIPE else "NO", f"{size_bytes:,}"]


def read_back(made: Exported, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Returns what ffprobe says of the files, and their frames; what ffprobe cannot do, Pillow does."""
    source = _source(made, folder)
    stream = probed(source)
    if made.kind != "webp":
        return stream, decoded(source, stream["height"], stream["width"])
    frames_THWC, rate = by_pillow(Path(source))
    count, height, width, _ = frames_THWC.shape
    size = {"width": width, "height": height, "nb_read_frames": count, "avg_frame_rate": f"{rate * 1000:.0f}/1000"}
    return {"codec_name": "webp (by Pillow)", "pix_fmt": "-", **size}, frames_THWC


def _source(made: Exported, folder: Path) -> str:
    """Returns the file as ffmpeg calls it: frames are a pattern."""
    return str(folder / (f"%06d{Path(made.files[0]).suffix}" if made.kind == "frames" else made.files[0]))


def _carrier(made: Exported, folder: Path) -> Path:
    return folder if made.kind == "frames" else folder / made.files[0]


def _rate(made: Exported, fps: float, stream: dict[str, Any]) -> str:
    if made.kind in ("frames", "sheet"):
        return f"{fps:g} -> none"
    above, below = map(int, stream["avg_frame_rate"].split("/"))
    return f"{fps:g} -> {above / below:.6g}"


def _colours(stream: dict[str, Any]) -> str:
    names = [stream.get(f"color_{name}", "none") for name in ("space", "primaries", "transfer")]
    alike = dict.fromkeys(names)  # all three are bt709 where they are said at all
    return f"{', '.join(alike)}; {stream.get('color_range', 'none')}"


def _compared(frames_THWC: np.ndarray, original_THWC: np.ndarray) -> tuple[str, str]:
    count, height, width, _ = original_THWC.shape
    got_THWC = frames_THWC[:count, :height, :width]
    least = min(psnr_db(a, b) for a, b in zip(got_THWC, original_THWC, strict=True))
    shift = (got_THWC.astype(float) - original_THWC).mean(axis=(0, 1, 2))
    return ("equal" if np.isinf(least) else f"{least:.1f}"), " ".join(f"{one:+.2f}" for one in shift)


def chain_row(kind: str, refused: Sequence[str] | None, folder: Path) -> tuple[str, ...]:
    """Exports with an ffmpeg that refuses encoders, or without one; returns the cells after `asked`.

    Args:
        kind: what is asked for.
        refused: ffmpeg's names of encoders; None for no ffmpeg.
        folder: an empty one.
    """
    out = folder / "out"
    out.mkdir()
    os.environ["VGPIPE_FFMPEG"] = "/nowhere/ffmpeg" if refused is None else str(ffmpeg_without(folder, *refused))
    count, height, width, fps = CLIPS[0]
    made = exporter(SETTINGS[kind]).export(shapes(count, height, width), fps=fps, folder=out, recipe=RECIPE)
    del os.environ["VGPIPE_FFMPEG"]
    shown = len(decoded(_source(made, out), height, width))
    fallback = made.degradation or Fallback("", "what was asked for", "")
    names = "all: there is no ffmpeg" if refused is None else ", ".join(refused)
    is_same = read_recipe(_carrier(made, out))["degradations"] == [
        {"kind": "exporter", "stage": None, **asdict(fallback)}
    ]
    return names, fallback.got, f"{shown} of {count}", "the same" if is_same else "DIFFERENT", fallback.reason


def chain_rows() -> list[list[str]]:
    """Returns the second table; kinds share a row where only the name of their own encoder differs."""
    found: dict[tuple[str, ...], list[str]] = {}
    for number in range(len(STAND_INS) + 2):
        for kind, own in VIDEOS.items():
            refused = None if number > len(STAND_INS) else tuple(dict.fromkeys((own, *STAND_INS[:number])))
            with tempfile.TemporaryDirectory() as folder:
                cells = chain_row(kind, refused, Path(folder))
            if kind != "mp4":
                cells = tuple(re.sub(rf"^{own}(?=,|$)|(?<='){own}(?=')", "its own", cell) for cell in cells)
            kinds = found.setdefault(cells, [])
            kinds += [kind] if kind not in kinds else []
    return [[", ".join(kinds), *cells] for cells, kinds in found.items()]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints both tables."""
    logging.disable(logging.WARNING)  # that an encoder fails is the point
    version = subprocess.run([system("ffprobe"), "-version"], capture_output=True, text=True).stdout.split()[2]
    rows = []
    for clip in CLIPS:
        for label in SETTINGS:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(row(label, Path(folder), clip))
    print(f"ffprobe and ffmpeg {version}\n\n{table(COLUMNS, rows)}\n\n{table(CHAIN_COLUMNS, chain_rows())}")


if __name__ == "__main__":
    main()
