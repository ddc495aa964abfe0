"""The small world of the embedded model: one coloured shape moving on a plain background.

Frames wrap around at the edges (a torus). The world is defined in words by :class:`Scene` and in pixels by
:func:`render` (one scene, bytes) and :func:`render_batch` (many scenes, tensors, for training).

Tensor shapes: B scenes, C colour channels, T frames, H height, W width.
"""

import hashlib
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

SIZE_PX = 64
NUM_FRAMES = 17
FPS = 8

SHAPES = ("circle", "square", "triangle")
COLOURS = {
    "red": (225, 45, 45),
    "green": (45, 175, 75),
    "blue": (55, 85, 225),
    "yellow": (245, 215, 55),
    "purple": (155, 60, 205),
    "cyan": (60, 205, 225),
}
BACKGROUNDS = {
    "black": (20, 20, 20),
    "white": (240, 240, 240),
    "gray": (130, 130, 130),
    "blue": COLOURS["blue"],
    "green": COLOURS["green"],
}
RADIUS_PX = {"small": 7.0, "large": 11.0}
SPEED_PX_PER_FRAME = {"slow": 0.75, "normal": 1.5, "fast": 2.25}
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
GROWN_RADIUS_PX = (6.5, 11.5)
MOTIONS = (*DIRECTIONS, "still", "growing", "shrinking")


@dataclass(frozen=True)
class Scene:
    """One clip of the world.

    Attributes:
        shape: A word of ``SHAPES``; triangles are equilateral with the apex up.
        colour: A key of ``COLOURS``.
        background: A key of ``BACKGROUNDS``, never equal to ``colour``.
        motion: A word of ``MOTIONS``.
        size: A key of ``RADIUS_PX``; ``None`` for growing and shrinking.
        speed: A key of ``SPEED_PX_PER_FRAME``; ``None`` unless the motion is a direction.
        x_px: Centre of the object's bounding box in frame 0, from the left edge.
        y_px: Centre of the object's bounding box in frame 0, from the top edge.
    """

    shape: str
    colour: str
    background: str
    motion: str
    size: str | None
    speed: str | None
    x_px: float = SIZE_PX / 2
    y_px: float = SIZE_PX / 2

    @property
    def combination(self) -> tuple[str, str, str, str]:
        """The four words that decide whether the scene is held out of training."""
        return (self.shape, self.colour, self.background, self.motion)

    @property
    def radius_px_range(self) -> tuple[float, float]:
        """Radius of the disc of equal area in the first and the last frame, in pixels."""
        if self.motion == "growing":
            return GROWN_RADIUS_PX
        if self.motion == "shrinking":
            return GROWN_RADIUS_PX[::-1]
        radius_px = RADIUS_PX[self.size or "large"]
        return radius_px, radius_px

    @property
    def velocity_px(self) -> tuple[float, float]:
        """Displacement per frame (x, y) in pixels."""
        dx, dy = DIRECTIONS.get(self.motion, (0, 0))
        step_px = SPEED_PX_PER_FRAME[self.speed or "normal"]
        return dx * step_px, dy * step_px


def is_held_out(combination: tuple[str, str, str, str]) -> bool:
    """Whether a (shape, colour, background, motion) combination is kept out of training.

    The rule: the first eight bytes of the SHA-256 of the four words joined by single spaces, read as a
    big-endian integer, are divisible by ten.
    """
    digest = hashlib.sha256(" ".join(combination).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0


@cache
def combinations(*, held_out: bool) -> tuple[tuple[str, str, str, str], ...]:
    """All allowed combinations, either the held-out ones or those for training."""
    words = itertools.product(SHAPES, COLOURS, BACKGROUNDS, MOTIONS)
    return tuple(c for c in words if c[1] != c[2] and is_held_out(c) == held_out)


def random_scene(rng: random.Random, *, held_out: bool = False, canvas_px: int = SIZE_PX) -> Scene:
    """Draw a scene with random size, speed and start position.

    Args:
        rng: Source of randomness.
        held_out: Draw from the held-out combinations instead of the training ones.
        canvas_px: Side of the canvas, for the start position.
    """
    return scene_of(rng.choice(combinations(held_out=held_out)), rng, canvas_px)


def scene_of(combination: tuple[str, str, str, str], rng: random.Random, canvas_px: int = SIZE_PX) -> Scene:
    """A scene of a given (shape, colour, background, motion) with random size, speed and start position."""
    motion = combination[3]
    size = None if motion in ("growing", "shrinking") else rng.choice(tuple(RADIUS_PX))
    speed = rng.choice(tuple(SPEED_PX_PER_FRAME)) if motion in DIRECTIONS else None
    return Scene(*combination, size, speed, rng.uniform(0, canvas_px), rng.uniform(0, canvas_px))


def render(scene: Scene) -> np.ndarray:
    """Render one scene.

    Returns:
        Frames, uint8, (17, 64, 64, 3), sRGB.
    """
    frames_CTHW = render_batch([scene])[0]
    levels = ((frames_CTHW + 1) * 127.5).round().clamp(0, 255)
    return levels.permute(1, 2, 3, 0).to(torch.uint8).numpy()


def render_batch(scenes: Sequence[Scene], canvas_px: int = SIZE_PX, num_frames: int = NUM_FRAMES) -> torch.Tensor:
    """Render many scenes as training tensors.

    Args:
        scenes: What to render.
        canvas_px: Side of the square canvas; the torus wraps at this size.
        num_frames: How many frames of the clip, from its start.

    Returns:
        frames_BCTHW, float32 in [-1, 1].
    """
    cover_BTHW = coverage(scenes, canvas_px, num_frames)[:, None]
    colour_BC = torch.tensor([COLOURS[s.colour] for s in scenes], dtype=torch.float32)
    ground_BC = torch.tensor([BACKGROUNDS[s.background] for s in scenes], dtype=torch.float32)
    colour_BC111, ground_BC111 = (c[:, :, None, None, None] / 127.5 - 1 for c in (colour_BC, ground_BC))
    return ground_BC111 + cover_BTHW * (colour_BC111 - ground_BC111)


def coverage(scenes: Sequence[Scene], canvas_px: int = SIZE_PX, num_frames: int = NUM_FRAMES) -> torch.Tensor:
    """How much of each pixel the objects cover, float32 in [0, 1], (B, T, H, W)."""
    frame_T = torch.arange(num_frames, dtype=torch.float32)
    state_B4 = torch.tensor([(s.x_px, s.y_px, *s.velocity_px) for s in scenes])
    x_BT, y_BT = (state_B4[:, i, None] + state_B4[:, i + 2, None] * frame_T for i in (0, 1))
    range_B2 = torch.tensor([s.radius_px_range for s in scenes])
    radius_BT = range_B2[:, :1] + (range_B2[:, 1:] - range_B2[:, :1]) * frame_T / (NUM_FRAMES - 1)
    cover_BTHW = torch.empty(len(scenes), num_frames, canvas_px, canvas_px)
    for shape in SHAPES:
        which = torch.tensor([s.shape == shape for s in scenes])
        cover_BTHW[which] = shape_coverage(shape, x_BT[which], y_BT[which], radius_BT[which], canvas_px)
    return cover_BTHW


def shape_coverage(
    shape: str, x_BT: torch.Tensor, y_BT: torch.Tensor, radius_BT: torch.Tensor, canvas_px: int = SIZE_PX
) -> torch.Tensor:
    """Antialiased coverage of one shape along given paths.

    Args:
        shape: A word of ``SHAPES``.
        x_BT: Middle of the bounding box from the left edge, in pixels.
        y_BT: Middle of the bounding box from the top edge, in pixels.
        radius_BT: Radius of the disc of equal area, in pixels.
        canvas_px: Side of the square canvas, at which the torus wraps.

    Returns:
        cover_BTHW, float32 in [0, 1].
    """
    pixel_N = torch.arange(canvas_px) + 0.5
    dx_BT1W = _wrapped(pixel_N - x_BT[..., None], canvas_px)[:, :, None, :]
    dy_BTH1 = _wrapped(pixel_N - y_BT[..., None], canvas_px)[:, :, :, None]
    distance_px = _signed_distance_px(shape, dx_BT1W, dy_BTH1, radius_BT[..., None, None])
    return (0.5 - distance_px).clamp(0, 1)


def _wrapped(offset_px: torch.Tensor, canvas_px: int) -> torch.Tensor:
    """Shortest offset on a torus."""
    return (offset_px + canvas_px / 2) % canvas_px - canvas_px / 2


def _signed_distance_px(shape: str, dx: torch.Tensor, dy: torch.Tensor, radius_px: torch.Tensor) -> torch.Tensor:
    """Distance to the outline, negative inside, of a shape with the area of a disc of ``radius_px``."""
    if shape == "circle":
        return (dx**2 + dy**2).sqrt() - radius_px
    if shape == "square":
        return torch.maximum(dx.abs(), dy.abs()) - radius_px * (np.pi**0.5 / 2)
    side_px = radius_px * (4 * np.pi / 3**0.5) ** 0.5
    base_px = side_px * (3**0.5 / 4)  # half the height, because the bounding box is centred
    slant_px = (dx.abs() * 3**0.5 - (dy + base_px)) / 2
    return torch.maximum(slant_px, dy - base_px)
