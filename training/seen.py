"""A rule-based detector: finds what a clip of the world shows, from its frames alone.

It measures colours, areas and positions and compares outlines; nothing in it is learned.

Array shapes: T frames, H height, W width, N pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch

from training.world import (
    BACKGROUNDS,
    COLOURS,
    DIRECTIONS,
    RADIUS_PX,
    SHAPES,
    SPEED_PX_PER_FRAME,
    shape_coverage,
)

MIN_CONTRAST = 40.0
MIN_AREA_PX = 30.0
GROWTH_RATIO = 1.3
STILL_BELOW_PX_PER_FRAME = SPEED_PX_PER_FRAME["slow"] / 2


@dataclass(frozen=True)
class Seen:
    """What the eye sees; ``None`` where there is nothing to see or the word does not apply.

    Attributes:
        shape: A word of ``world.SHAPES``.
        colour: A key of ``world.COLOURS``.
        size: "small" or "large"; ``None`` while growing or shrinking.
        motion: A word of ``world.MOTIONS``.
        speed: "slow", "normal" or "fast"; ``None`` without a direction.
        background: A key of ``world.BACKGROUNDS``.
        outline_error: Mean disagreement with the best outline, as a share of the object's area.
    """

    shape: str | None
    colour: str | None
    size: str | None
    motion: str | None
    speed: str | None
    background: str
    outline_error: float = 1.0


def look(frames_THWC: np.ndarray) -> Seen:
    """Say what a clip shows.

    Args:
        frames_THWC: uint8, (T, 64, 64, 3), sRGB.
    """
    pixels = frames_THWC.astype(np.float32)
    background = _commonest(pixels.reshape(-1, 3), BACKGROUNDS)
    ground_C = np.array(BACKGROUNDS[background], np.float32)
    contrast_THW = np.linalg.norm(pixels - ground_C, axis=-1)
    object_NC = pixels[contrast_THW > MIN_CONTRAST]
    if len(object_NC) < MIN_AREA_PX:
        return Seen(None, None, None, None, None, background)
    colour = _commonest(object_NC, {k: v for k, v in COLOURS.items() if k != background})
    cover_THW = _coverage_seen(pixels, ground_C, np.array(COLOURS[colour], np.float32))
    area_T = cover_THW.sum((1, 2))
    if area_T.min() < MIN_AREA_PX:
        return Seen(None, colour, None, None, None, background)
    radius_T = np.sqrt(area_T / np.pi)
    x_T, y_T = _path_px(cover_THW.sum(1)), _path_px(cover_THW.sum(2))
    motion, speed = _motion(radius_T, x_T, y_T)
    size = None if motion in ("growing", "shrinking") else _nearest(float(radius_T.mean()), RADIUS_PX)
    shape, outline_error = _shape(cover_THW, radius_T, x_T, y_T)
    return Seen(shape, colour, size, motion, speed, background, outline_error)


def _commonest(pixels_NC: np.ndarray, palette: dict[str, tuple[int, int, int]]) -> str:
    """The palette word nearest to most pixels."""
    colours_KC = np.array(list(palette.values()), np.float32)
    distance_NK = np.linalg.norm(pixels_NC[:, None] - colours_KC, axis=-1)
    return list(palette)[int(np.bincount(distance_NK.argmin(1), minlength=len(palette)).argmax())]


def _coverage_seen(pixels_THWC: np.ndarray, ground_C: np.ndarray, colour_C: np.ndarray) -> np.ndarray:
    """How far each pixel lies on the way from the background's colour to the object's, in [0, 1]."""
    axis_C = colour_C - ground_C
    share_THW = (pixels_THWC - ground_C) @ axis_C / (axis_C @ axis_C)
    share_THW[share_THW < 0.1] = 0  # faint noise over the large background would outweigh the object
    return share_THW.clip(0, 1)


def _path_px(profile_TN: np.ndarray) -> np.ndarray:
    """Centre of mass along one wrapped axis, continuous over time."""
    turn_N = 2j * np.pi * (np.arange(profile_TN.shape[1]) + 0.5) / profile_TN.shape[1]
    angle_T = np.angle((profile_TN * np.exp(turn_N)).sum(1))
    return np.unwrap(angle_T) * profile_TN.shape[1] / (2 * np.pi)


def _slope(values_T: np.ndarray) -> float:
    return float(np.polyfit(np.arange(len(values_T)), values_T, 1)[0])


def _motion(radius_T: np.ndarray, x_T: np.ndarray, y_T: np.ndarray) -> tuple[str, str | None]:
    grown = _slope(radius_T) * (len(radius_T) - 1) / 2
    ratio = (radius_T.mean() + grown) / max(radius_T.mean() - grown, 1e-6)
    if ratio > GROWTH_RATIO or ratio < 1 / GROWTH_RATIO:
        return ("growing" if ratio > 1 else "shrinking"), None
    velocity = np.array([_slope(x_T), _slope(y_T)])
    pace = float(np.abs(velocity).max())
    if pace < STILL_BELOW_PX_PER_FRAME:
        return "still", None
    along = {word: float(velocity @ np.array(step)) for word, step in DIRECTIONS.items()}
    return max(along, key=along.__getitem__), _nearest(pace, SPEED_PX_PER_FRAME)


def _nearest(value: float, words: dict[str, float]) -> str:
    return min(words, key=lambda word: abs(words[word] - value))


def _shape(cover_THW: np.ndarray, radius_T: np.ndarray, x_T: np.ndarray, y_T: np.ndarray) -> tuple[str, float]:
    """The outline of equal area and centre that disagrees least, over all frames, and its disagreement."""
    errors = {}
    for shape in SHAPES:
        # A triangle's centre of mass lies a sixth of its height below the middle of its bounding box.
        lift_T = radius_T * (4 * np.pi / 3**0.5) ** 0.5 * (3**0.5 / 12) if shape == "triangle" else radius_T * 0
        x_BT, y_BT, radius_BT = torch.tensor(np.stack([x_T, y_T - lift_T, radius_T]), dtype=torch.float32)[:, None]
        ideal_THW = shape_coverage(shape, x_BT, y_BT, radius_BT)[0].numpy()
        errors[shape] = float((np.abs(ideal_THW - cover_THW).sum((1, 2)) / cover_THW.sum((1, 2))).mean())
    best = min(errors, key=errors.__getitem__)
    return best, errors[best]
