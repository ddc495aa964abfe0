"""Faulty clips for benchmarks/checks.py: one kind of fault each, in several strengths, laid over good clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from checks_clip import Made

Fault = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def one_colour(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """All of the clip, or its last part, is one colour."""
    changed = frames_THWC.astype(float)
    start = int(len(changed) * draw.choice([0, 0, 0.3, 0.4]))
    changed[start:] = draw.choice([0, 127, 255]) if draw.integers(2) else draw.integers(0, 256, 3)
    return changed


def saturated(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The contrast is many times what it should be."""
    return (frames_THWC - 127.5) * draw.choice([50, 100]) + 127.5


def black_from(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A NaN in a causal decoder: from one frame to the next all is black; or some frames alone are."""
    changed = frames_THWC.copy()
    if draw.integers(2):
        changed[int(len(changed) * draw.uniform(0.2, 0.75)) :] = 0
    else:
        changed[draw.choice(len(changed), max(1, int(len(changed) * 0.25)), replace=False)] = 0
    return changed


def still(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Every frame is the same one."""
    return np.repeat(frames_THWC[:1], len(frames_THWC), 0)


def white_noise(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Noise in each pixel, of one brightness or in colour, dim or strong."""
    shape = (*frames_THWC.shape[:3], draw.choice([1, 3]))
    noise_THWC = draw.standard_normal(shape) if draw.integers(2) else draw.uniform(-1.7, 1.7, shape)
    return np.broadcast_to(noise_THWC * draw.choice([12, 40, 80, 150]) + 127, frames_THWC.shape)


def buried_in_noise(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The picture is there, but noise is much stronger."""
    picture = (frames_THWC - 127.5) * 0.25 + 127.5
    return picture + draw.standard_normal(frames_THWC.shape) * draw.choice([60, 90])


def blobs(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """What a VAE makes of noise: blobs as large as a latent pixel, which are others every few frames."""
    count, height, width, _ = frames_THWC.shape
    side, hold = int(draw.choice([4, 8])), int(draw.choice([1, 4]))
    shape = (-(-count // hold), -(-height // side) + 1, -(-width // side) + 1, 3)
    latents = draw.standard_normal(shape).repeat(hold, 0)[:count]
    big = latents.repeat(side, 1).repeat(side, 2)
    reach = side // 2
    smooth = sum(np.roll(big, (y, x), (1, 2)) for y in range(reach) for x in range(reach)) / reach**2
    return smooth[:, :height, :width] * draw.choice([40, 70]) + 127


def strobe(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Each second, third or fourth frame is brighter or darker than it should be."""
    changed = frames_THWC.astype(float)
    changed[:: int(draw.choice([2, 2, 3, 4]))] += draw.choice([-60, -25, 15, 25, 60])
    return changed


def tiles(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Tiles of the VAE that do not meet: each has a brightness of its own."""
    _, height, width, _ = frames_THWC.shape
    side = int(draw.choice([s for s in (16, 24, 32, 48, 64, 96) if s * 3 <= min(height, width)]))
    rows, columns = -(-height // side), -(-width // side)
    offset = (
        draw.choice([-1, 1], (rows, columns, 1))
        * draw.uniform(0.7, 1.3, (rows, columns, 1))
        * draw.choice([12, 20, 30])
    )
    return frames_THWC + offset.repeat(side, 0).repeat(side, 1)[:height, :width]


def blocks(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Seams between the patches of a denoiser: each patch is off by a little, and by another little in each frame."""
    count, height, width, _ = frames_THWC.shape
    side = int(draw.choice([8, 16]))
    shape = (count, -(-height // side), -(-width // side), 1)
    offset = draw.standard_normal(shape) * draw.choice([12, 18, 25])
    return frames_THWC + offset.repeat(side, 1).repeat(side, 2)[:, :height, :width]


def stuck_tail(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """From some frame on nothing changes any more."""
    changed = frames_THWC.copy()
    start = int(len(changed) * draw.choice([0.4, 0.5, 0.6]))
    changed[start:] = changed[start]
    return changed


def repeated_tail(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The last part is the part before it once more."""
    changed = frames_THWC.copy()
    part = max(5, int(len(changed) * draw.choice([0.3, 0.4])))
    changed[-part:] = changed[-2 * part : -part]
    return changed


def short(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Frames are missing."""
    return frames_THWC[: -int(draw.choice([1, 4]))]


def cropped(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Rows are missing."""
    return frames_THWC[:, : -int(draw.choice([2, 16]))]


KINDS: dict[str, tuple[Fault, tuple[str, ...], int]] = {
    "one colour": (one_colour, ("uniform",), 3),
    "saturated": (saturated, ("clipped",), 1),
    "black from NaN": (black_from, ("non_finite", "uniform"), 6),
    "frozen": (still, ("frozen",), 2),
    "white noise": (white_noise, ("noise",), 1),
    "buried in noise": (buried_in_noise, ("noise",), 1),
    "blobs": (blobs, ("blobs",), 1),
    "strobe": (strobe, ("strobing",), 9),
    "tile seams": (tiles, ("seams",), 1),
    "block seams": (blocks, ("seams",), 1),
    "stuck tail": (stuck_tail, ("tail",), 9),
    "repeated tail": (repeated_tail, ("tail",), 17),
    "frames missing": (short, ("frame_count",), 5),
    "wrong size": (cropped, ("frame_size",), 1),
}
"""Kind -> what makes it, the checks that find it, and the fewest frames that it can be seen in."""


def faulty(good: Sequence[Made], each: int, seed: int) -> Iterator[Made]:
    """Yields clips of every kind, laid over good clips that move."""
    for place, (kind, (fault, expects, least)) in enumerate(KINDS.items()):
        able = [clip for clip in good if len(clip.frames_THWC) >= least]
        for number in range(each):
            draw = np.random.default_rng([seed, place, number])
            base = able[int(draw.integers(len(able)))]
            frames_THWC = np.clip(fault(base.frames_THWC, draw), 0, 255).round().astype(np.uint8)
            name = f"{kind}-{number}-of-{base.name}"
            yield replace(base, name=name, kind=kind, frames_THWC=frames_THWC, expects=expects, wanted=base.size)
