"""What the tests in a browser share: media files, and waiting."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from PIL import Image


def write_video(path: Path) -> None:
    import imageio_ffmpeg

    path.parent.mkdir(exist_ok=True, parents=True)
    writer = imageio_ffmpeg.write_frames(str(path), (64, 48), fps=8, codec="libx264", macro_block_size=2)
    writer.send(None)
    for shade in range(17):
        writer.send(np.full((48, 64, 3), shade * 15, np.uint8))
    writer.close()


def write_image(path: Path, shade: int = 200, size: tuple[int, int] = (64, 48)) -> None:
    """Writes one image of one grey, in the format that its suffix says."""
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", size, (shade, shade, shade)).save(path)


def write_gif(path: Path) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    first, *others = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in range(0, 250, 50)]
    first.save(path, save_all=True, append_images=others, duration=100, loop=0)


def until(page, expression: str) -> None:
    """Waits until an expression holds; Playwright's own way needs eval, which the page's policy forbids."""
    end = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(20)
