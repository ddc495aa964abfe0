"""Broken clips for benchmarks/checks.py: one kind of fault each, in several strengths, laid over good clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
    side, hold = (8 if min(height, width) >= 96 else 4), int(draw.choice([1, 4]))
    shape = (-(-count // hold), -(-height // side) + 1, -(-width // side) + 1, 3)
    latents = draw.standard_normal(shape).repeat(hold, 0)[:count]
    big = latents.repeat(side, 1).repeat(side, 2)
    reach = side // 2
    smooth = sum(np.roll(big, (y, x), (1, 2)) for y in range(reach) for x in range(reach)) / reach**2
    return smooth[:, :height, :width] * draw.choice([40, 70]) + 127


def strobe(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Each second, third or fourth frame is brighter or darker than it should be."""
    changed = frames_THWC.astype(float)
    changed[:: int(draw.choice([2, 2, 3, 4]))] += draw.choice([-60, -30, 20, 30, 60])
    return changed


def tiles(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Tiles of the VAE that do not meet: each has a brightness of its own."""
    _, height, width, _ = frames_THWC.shape
    side = int(draw.choice([s for s in (16, 24, 32, 48, 64, 96) if s * 3 <= min(height, width)] or [8]))
    rows, columns = -(-height // side), -(-width // side)
    offset = (
        draw.choice([-1, 1], (rows, columns, 1))
        * draw.uniform(0.7, 1.3, (rows, columns, 1))
        * draw.choice([16, 22, 30])
    )
    return frames_THWC + offset.repeat(side, 0).repeat(side, 1)[:height, :width]


def patches(frames_THWC: np.ndarray, draw: np.random.Generator) -> np.ndarray:
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
    """The last part repeats the part before it."""
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


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        fault: what makes it.
        expects: the checks that find it.
        least: the fewest frames that it can be seen in.
        needs_motion: whether only clips that move can have it.
        bases: kinds of good clips that it is laid over; all where empty.
    """

    fault: Fault
    expects: tuple[str, ...]
    least: int = 1
    needs_motion: bool = False
    bases: tuple[str, ...] = ()


SMOOTH = ("embedded", "texture", "cuts", "cartoon", "film_grain", "night", "passer_by", "zoom")
"""In neon colours and black bars, at the limits of their range, not all of the seams would be seen."""
KINDS: dict[str, Kind] = {
    "one colour": Kind(one_colour, ("uniform",), 3),
    "saturated": Kind(saturated, ("clipped",), bases=("embedded", "night", "neon")),
    "black from NaN": Kind(black_from, ("non_finite", "uniform"), 6),
    "frozen": Kind(still, ("frozen",), 2),
    "white noise": Kind(white_noise, ("noise",)),
    "buried in noise": Kind(buried_in_noise, ("noise",)),
    "latent noise": Kind(blobs, ("blobs", "noise")),
    "strobe": Kind(strobe, ("strobing",), 9),
    "tile seams": Kind(tiles, ("seams",), bases=SMOOTH),
    "patch seams": Kind(patches, ("seams",), bases=SMOOTH),
    "stuck end": Kind(stuck_tail, ("tail",), 13, needs_motion=True),
    "repeated end": Kind(repeated_tail, ("tail",), 17, needs_motion=True),
    "frames missing": Kind(short, ("frame_count",), 5),
    "wrong size": Kind(cropped, ("frame_size",)),
}
BASES = ("embedded", "texture", "cuts", "cartoon", "film_grain", "night", "passer_by", "letterbox", "zoom", "neon")
LEAST_CONTRAST, LEAST_CHANGE, MOST_PIXELS = 8.0, 12.0, 320 * 192


def is_base(clip: Made) -> bool:
    """Returns whether faults are laid over a clip: it shows something, and is no canary."""
    _, height, width, _ = clip.frames_THWC.shape
    shows = float(clip.frames_THWC.std((1, 2)).max(-1).min()) > LEAST_CONTRAST
    return clip.kind in BASES and shows and not clip.is_canary and height * width <= MOST_PIXELS


def moves(clip: Made) -> bool:
    """Returns whether some part changes from each frame to the next, for most of the clip and at its end."""
    small = clip.frames_THWC[:, ::4, ::4].astype(float).mean(-1)
    changes = np.abs(np.diff(small, axis=0)).max((1, 2))
    return len(changes) > 1 and float(np.quantile(changes, 0.25)) >= LEAST_CHANGE


def faulty(good: Sequence[Made], each: int, seed: int) -> Iterator[Made]:
    """Yields clips of every kind, laid over good clips.

    Args:
        good: what they are laid over.
        each: how many of each kind.
        seed: of what is drawn.
    """
    for place, (name, kind) in enumerate(KINDS.items()):
        able = [clip for clip in good if _is_able(clip, kind)]
        for number in range(each):
            draw = np.random.default_rng([seed, place, number])
            base = able[int(draw.integers(len(able)))]
            frames_THWC = np.clip(kind.fault(base.frames_THWC, draw), 0, 255).round().astype(np.uint8)
            called = f"{name}-{number}-of-{base.name}"
            yield replace(
                base, name=called, kind=name, frames_THWC=frames_THWC, expects=kind.expects, wanted=base.size, prompt=""
            )


def _is_able(clip: Made, kind: Kind) -> bool:
    fits = not kind.bases or clip.kind in kind.bases
    return fits and len(clip.frames_THWC) >= kind.least and (moves(clip) or not kind.needs_motion)
