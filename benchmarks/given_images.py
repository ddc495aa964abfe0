"""Draws ten pairs of images, makes two jobs of their folders by the command line, and a sheet of what came.

python -m benchmarks.given_images OUT [SHEET]

The first job has the ten first images, each of another size than its clip and one of them stored sideways with its turn
in the EXIF data, by the embedded model, which was trained to begin with an image. The second has the pairs
(`NAME_first`, `NAME_last`) by a tiny random checkpoint of Wan VACE, which takes both and whose pictures are noise: no
checkpoint that was trained for a last image can be had here.

Found (2 cores, diffusers 0.42.1): 10 of 10 clips done in each; of the first job, the first frame of a clip differs from
its image, cropped to the clip, by 1.6 of 255 on average (0.8 to 2.5).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

COLOURS = {
    "red": (225, 45, 45), "blue": (55, 85, 225), "green": (40, 175, 75), "yellow": (245, 210, 45),
    "purple": (145, 60, 190), "cyan": (60, 200, 215), "white": (240, 240, 240), "black": (20, 20, 20),
    "gray": (128, 128, 128),
}  # fmt: skip
SHAPES = (
    "red circle left white", "blue square up black", "green triangle right gray", "yellow circle down blue",
    "purple square left white", "cyan triangle right black", "red square down gray", "blue circle up white",
    "green circle left black", "yellow triangle right gray",
)  # fmt: skip
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
SIZES = ((200, 200), (180, 240), (200, 200), (320, 180))
ORIENTATION, SIDEWAYS = 0x0112, 6
SIDE, GAP, BETWEEN = 64, 4, (190, 190, 200)
SHOWN = (0, 4, 8, 12, 16)


def drawn(size: tuple[int, int], words: list[str], part: int) -> Image.Image:
    """Returns a shape on its way: before the middle for a `part` of -1, after it for 1."""
    colour, kind, way, ground = words
    scale = 4
    width, height = (side * scale for side in size)
    r, step = min(width, height) * 0.2, min(width, height) * 0.25 * part
    x, y = (side / 2 + axis * step for side, axis in zip((width, height), WAYS[way], strict=True))
    picture = Image.new("RGB", (width, height), COLOURS[ground])
    pen, ink = ImageDraw.Draw(picture), COLOURS[colour]
    if kind == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    elif kind == "square":
        pen.rectangle((x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r), fill=ink)
    else:
        pen.polygon([(x, y - r), (x - r, y + 0.8 * r), (x + r, y + 0.8 * r)], fill=ink)
    return picture.resize(size, Image.Resampling.LANCZOS)


def draw_folders(out: Path) -> None:
    """Writes the folders `firsts` and `pairs`, a prompt beside each image."""
    for name in ("firsts", "pairs"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(SHAPES, start=1):
        colour, kind, way, ground = words = text.split()
        stem, size = f"{number:02}_{kind}", SIZES[number % len(SIZES)]
        first, last = (drawn(size, words, part) for part in (-1, 1))
        if number == 4:
            exif = first.getexif()
            exif[ORIENTATION] = SIDEWAYS
            first.rotate(90, expand=True).save(out / "firsts" / f"{stem}.jpg", exif=exif, quality=95)
        else:
            first.save(out / "firsts" / f"{stem}.png")
        first.save(out / "pairs" / f"{stem}_first.png")
        last.save(out / "pairs" / f"{stem}_last.png")
        for name in ("firsts", "pairs"):
            prompt = f"a large {colour} {kind} moving {way} on a {ground} background\n"
            (out / name / f"{stem}.txt").write_text(prompt)


def render(out: Path) -> None:
    """Makes both jobs."""
    from tests.tiny import build

    tiny = out / "wan21_vace_1_3b"
    tiny.mkdir(exist_ok=True)
    build("wan21_vace_1_3b", tiny)
    size = [f"clip.width={SIDE}", f"clip.height={SIDE}", "clip.num_frames=17", "clip.fps=8"]
    random = [f"model.id={tiny}", "model.dtype=float32", "model.rules.min_side=16", "checks=off", *size]
    jobs = {
        "firsts": ["model=shapes", "model.rules.image=optional"],
        "pairs": ["model=wan21_vace_1_3b", "quality.num_inference_steps=8", *random],
    }
    for name, options in jobs.items():
        run = [f"job={out / name}", f"hydra.run.dir={out / 'runs' / name}", f"store.dir={out / 'store'}"]
        subprocess.run([sys.executable, "-m", "vgpipe", *run, "exporter=frames", *options], check=True)


def fitted(path: Path) -> Image.Image:
    """Returns an image as its clip is given it."""
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    return ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.LANCZOS)


def rows(out: Path) -> list[list[Image.Image]]:
    """Returns a row of pictures for each clip: its image and its frames; then those of the pair, between its images."""
    found = []
    for number in range(1, len(SHAPES) + 1):
        row = []
        for name, shown in (("firsts", SHOWN), ("pairs", SHOWN[::2])):
            (folder,) = (out / "runs" / name / "frames").glob(f"{number:02}_*")
            images = [fitted(path) for path in sorted((out / name).glob(f"{number:02}_*.[pj]*"))]
            frames = [Image.open(folder / f"{frame:06}.png").convert("RGB") for frame in shown]
            row += [images[0], *frames, *images[1:]]
        found.append(row)
    return found


def write_sheet(out: Path, sheet: Path) -> None:
    """Draws the sheet, and writes how far the first frames are from their images."""
    pictures = rows(out)
    step, columns = SIDE + GAP, len(pictures[0])
    drawing = Image.new("RGB", (step * columns + GAP, step * len(pictures) + GAP), BETWEEN)
    for y, row in enumerate(pictures):
        for x, picture in enumerate(row):
            drawing.paste(picture, (GAP + x * step, GAP + y * step))
    drawing.quantize(128).save(sheet, optimize=True)
    apart = [np.abs(np.asarray(row[0], float) - np.asarray(row[1], float)).mean() for row in pictures]
    numbers = f"{np.mean(apart):.1f} of 255 ({min(apart):.1f} to {max(apart):.1f})"
    sys.stdout.write(f"first frames differ from their images by {numbers}\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1]).absolute()
    draw_folders(folder)
    render(folder)
    write_sheet(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "sheet.png")
