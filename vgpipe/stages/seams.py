"""Joins a segment to the previous one: matches its colours over the frames they share, and blends those frames.

The tail of a segment, the frames that the next one continues from, is an artifact of its own.

Shape suffixes: N shared frames, T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgpipe.stages import arrays
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

VERSION, TAIL_VERSION = 1, 1
"""Parts of the store keys of joined frames, and of tails: go up where the numbers and functions here change bits."""
TAIL_FILE = "tail.npy"
MAX_GAIN = 1.25
MIN_SPREAD = 1.0
"""A channel that varies by less than this many of 255 levels has no contrast to match."""


@dataclass(frozen=True, slots=True)
class Seam:
    """What joins a segment to the previous one.

    Attributes:
        previous_NHWC: the last frames of the previous segment, uint8; the segment's first frames show the same moments.
        match_color: whether its colour and contrast are matched over them.
        blend: how many of its first frames fade over from them: none or all.
    """

    previous_NHWC: np.ndarray  # noqa: N815 (a shape)
    match_color: bool
    blend: int


def join_segment(frames_THWC: np.ndarray, seam: Seam) -> tuple[np.ndarray, dict[str, Any]]:
    """Joins a segment to the previous one.

    Args:
        frames_THWC: its frames as decoded, uint8.
        seam: what it is joined by.

    Returns:
        The frames, (T, H, W, 3) uint8, and what was done to their colours: `gain` and `offset` of each channel.
    """
    facts: dict[str, Any] = {}
    if seam.match_color:
        gain_C, offset_C = color_match(frames_THWC[: len(seam.previous_NHWC)], seam.previous_NHWC)
        frames_THWC = _adjusted(frames_THWC, gain_C, offset_C)
        facts = {"gain": [round(float(one), 4) for one in gain_C], "offset": [round(float(one), 3) for one in offset_C]}
    if seam.blend:
        frames_THWC = np.concatenate(
            [_blended(seam.previous_NHWC, frames_THWC[: seam.blend]), frames_THWC[seam.blend :]]
        )
    return frames_THWC, facts


def color_match(source_NHWC: np.ndarray, target_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the gain and offset of each channel that give the source the mean and the spread of the target.

    The statistics transfer of Reinhard et al., "Color Transfer between Images" (2001), in RGB, over frames that show
    the same moment. A gain is held within `MAX_GAIN`, so that one odd frame cannot wash out all that follows.

    Args:
        source_NHWC: uint8.
        target_NHWC: uint8, of the same shape.

    Returns:
        gain and offset, (3,) float64: `source * gain + offset`.
    """
    (mean_C, spread_C), (wanted_mean_C, wanted_C) = _statistics(source_NHWC), _statistics(target_NHWC)
    flat_C = (spread_C < MIN_SPREAD) | (wanted_C < MIN_SPREAD)
    gain_C = np.where(flat_C, 1.0, wanted_C / np.maximum(spread_C, MIN_SPREAD)).clip(1 / MAX_GAIN, MAX_GAIN)
    return gain_C, wanted_mean_C - gain_C * mean_C


def _statistics(frames_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation of each channel, from its histogram: no copy in floating point."""
    levels = np.arange(256)
    found = []
    for channel in range(3):
        counts = np.bincount(frames_NHWC[..., channel].ravel(), minlength=256)
        mean = counts @ levels / counts.sum()
        found.append((mean, np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())))
    means, spreads = zip(*found, strict=True)
    return np.array(means), np.array(spreads)


def _adjusted(frames_THWC: np.ndarray, gain_C: np.ndarray, offset_C: np.ndarray) -> np.ndarray:
    """Applies gain and offset; a table of the 256 levels needs no copy of the frames in floating point."""
    adjusted_THWC = np.empty_like(frames_THWC)
    for channel in range(3):
        table = np.rint(np.arange(256) * gain_C[channel] + offset_C[channel]).clip(0, 255).astype(np.uint8)
        adjusted_THWC[..., channel] = table[frames_THWC[..., channel]]
    return adjusted_THWC


def _blended(previous_NHWC: np.ndarray, next_NHWC: np.ndarray) -> np.ndarray:
    """Fades linearly from one rendering of the same moments to the other."""
    weight_N111 = (np.arange(1, len(next_NHWC) + 1, dtype=np.float32) / (len(next_NHWC) + 1))[:, None, None, None]
    mixed_NHWC = previous_NHWC * (1 - weight_N111) + next_NHWC * weight_N111
    faded: np.ndarray = np.rint(mixed_NHWC).astype(np.uint8)
    return faded


def write_tail(store: Store, key: Key, frames_NHWC: np.ndarray) -> Artifact | None:
    """Keeps the last frames of a segment, taken from its decoded frames rather than from a video file.

    Args:
        store: where the artifact goes.
        key: its name.
        frames_NHWC: uint8.

    Returns:
        The artifact.

    Raises:
        StoreError: where the store cannot be written.
    """
    with store.create(key) as draft:
        arrays.save(draft.path(TAIL_FILE), frames_NHWC)
    return store.find(key)


def read_tail(artifact: Artifact) -> np.ndarray:
    """Returns the frames (N, H, W, 3) uint8 of a tail.

    Raises:
        LostArtifact: where they are missing or damaged.
    """
    frames: np.ndarray = np.load(io.BytesIO(artifact.read(TAIL_FILE)), allow_pickle=False)
    return frames
