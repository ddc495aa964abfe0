"""How much of the noise that a clip began with is still in its latents: a denoiser that works removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NAME = "noise_left"


def noise_left(noise: np.ndarray, latents: np.ndarray) -> float | None:
    """Returns the correlation of finished latents with the noise that they began with.

    Args:
        noise: what the first denoising step was given, of any shape.
        latents: what the last one gave.

    Returns:
        0 to 1, its sign left out; None where the shapes differ, or either is constant.
    """
    import numpy as np

    if noise.shape != latents.shape:
        return None
    first, last = (values.astype(np.float64).ravel() for values in (noise, latents))
    first, last = first - first.mean(), last - last.mean()
    size = float(np.sqrt((first @ first) * (last @ last)))
    return abs(float(first @ last)) / size if size > 0 else None


def says(number: float) -> str:
    """Returns a sentence on a number that is too large."""
    return (
        f"the denoiser leaves the noise that it is given: {number:.2f} of it is still in the latents; its weights are "
        "damaged, or not made for this model"
    )
