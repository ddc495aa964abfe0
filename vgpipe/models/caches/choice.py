"""Which step cache a denoiser works with, and its numbers. Imports nothing that only its use needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vgpipe.errors import ConfigError
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, NO_CACHE, SEACACHE, TAYLORSEER

VERSION = 1
"""Part of the store key of latents made with a cache: goes up where the numbers and functions here change bits."""
THRESHOLDS = {SEACACHE: 0.25, MAGCACHE: 0.06, FIRSTBLOCK: 0.05}
"""What each may deviate before it computes again, where nothing is set: diffusers' own defaults (0.42.1).

SeaCache (arXiv:2602.18993): the relative change of the filtered latents, summed up since the last full step.
MagCache (arXiv:2506.09045): the error of the residual's size, summed up. First-block cache (ParaAttention): the
relative change of what the first block adds.
"""
INTERVAL = 3
"""Steps from one full step of TaylorSeer (arXiv:2503.06923) to the next, where none is set.

diffusers' default is 5, which costs the embedded model's clips of 20 steps too much; 3 does not (docs/caches.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCache:
    """How a denoiser reuses what it computed at earlier steps.

    Attributes:
        name: `seacache`, `magcache`, `firstblock` or `taylorseer`.
        threshold: what may deviate before it computes again; None for TaylorSeer, which counts steps.
        interval: steps from one full step to the next; None for those that have a threshold.
        mag_ratios: the size of what the denoiser adds at each step of a schedule, relative to the step before; a
            calibration of the checkpoint, which MagCache alone reads. Empty where none is known.
    """

    name: str
    threshold: float | None = None
    interval: int | None = None
    mag_ratios: tuple[float, ...] = ()

    def marks(self) -> dict[str, Any]:
        """Returns, as plain values, what names it in store keys."""
        numbers = {"threshold": self.threshold, "interval": self.interval, "mag_ratios": self._ratios()}
        return {"name": self.name, "version": VERSION, **{name: one for name, one in numbers.items() if one}}

    def _ratios(self) -> list[float]:
        return list(self.mag_ratios) if self.name == MAGCACHE else []

    def __str__(self) -> str:
        number = f"threshold {self.threshold:g}" if self.interval is None else f"interval {self.interval}"
        return f"{self.name}, {number}"


def chosen(
    name: str, *, threshold: float | None, interval: int | None, mag_ratios: tuple[float, ...]
) -> StepCache | None:
    """Returns a cache with its own numbers where none are set; None for `none`.

    Args:
        name: as in `quality.cache`.
        threshold: above 0; None takes the cache's own.
        interval: 2 or more; None takes TaylorSeer's own.
        mag_ratios: of the model; empty where none are known.

    Raises:
        ConfigError: for a number that the cache has no use for.
    """
    if name == NO_CACHE:
        return None
    if name == TAYLORSEER:
        if threshold is not None:
            raise ConfigError(f"quality.cache_threshold={threshold:g}: {name} has none -> quality.cache_interval=N")
        return StepCache(name=name, interval=interval or INTERVAL, mag_ratios=mag_ratios)
    if interval is not None:
        raise ConfigError(f"quality.cache_interval={interval}: {name} has none -> quality.cache_threshold=NUMBER")
    allowed = THRESHOLDS[name] if threshold is None else threshold
    return StepCache(name=name, threshold=allowed, mag_ratios=mag_ratios)
