"""Draws some frames of every clip of a run under its prompt: the picture in the README.

usage: python benchmarks/contact_sheet.py RUN_DIR SHEET.png [--frames 6] [--columns 2] [--scale 2]

A clip in shots has a strip for each of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from imageio_ffmpeg import read_frames
from PIL import Image, ImageDraw, ImageFont

GAP, CAPTION, PAPER, INK = 6, 18, (250, 250, 250), (20, 20, 20)


def read_mp4(path: Path) -> list[np.ndarray]:
    """Returns the frames of a video, (H, W, 3) uint8 each."""
    reader = read_frames(str(path))
    width, height = next(reader)["source_size"]
    return [np.frombuffer(frame, "uint8").reshape(height, width, 3) for frame in reader]


def strip(frames: list[np.ndarray], prompt: str, count: int, scale: int) -> Image.Image:
    """Draws `count` frames spread over a clip, side by side under their prompt."""
    height, width, _ = frames[0].shape
    picked = [frames[round(i * (len(frames) - 1) / (count - 1))] for i in range(count)]
    sheet = Image.new("RGB", (count * (width * scale + GAP) - GAP, CAPTION + height * scale), PAPER)
    ImageDraw.Draw(sheet).text((0, 2), prompt, INK, font=ImageFont.load_default(13))
    for index, frame in enumerate(picked):
        big = Image.fromarray(frame).resize((width * scale, height * scale), Image.Resampling.LANCZOS)
        sheet.paste(big, (index * (width * scale + GAP), CAPTION))
    return sheet


def strips_of(run: Path, record: dict, count: int, scale: int) -> list[Image.Image]:
    """Draws a clip as one strip, or as one for each of its shots."""
    frames = read_mp4(run / record["files"]["mp4"])
    shots = record.get("shots") or [{"prompt": record["prompt"], "num_frames": len(frames)}]
    strips, begin = [], 0
    for shot in shots:
        stop = begin + shot["num_frames"]
        strips.append(strip(frames[begin:stop], shot["prompt"], count, scale))
        begin = stop
    return strips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--columns", type=int, default=2)
    parser.add_argument("--scale", type=int, default=1)
    options = parser.parse_args()
    records = [json.loads(line) for line in (options.run / "clips.jsonl").read_text().splitlines()]
    strips = [one for record in records for one in strips_of(options.run, record, options.frames, options.scale)]
    width, height = strips[0].width + 3 * GAP, strips[0].height + 2 * GAP
    rows = -(-len(strips) // options.columns)
    sheet = Image.new("RGB", (width * options.columns, height * rows), PAPER)
    for index, image in enumerate(strips):
        sheet.paste(image, (GAP + index % options.columns * width, GAP + index // options.columns * height))
    sheet.save(options.sheet, optimize=True)


if __name__ == "__main__":
    main()
