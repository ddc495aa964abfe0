"""Releases a VAE's convolution caches as they are used.

CogVideoX's and Mochi's VAEs decode some frames at a time and hand the last inputs of every convolution on to the next
batch. diffusers (0.31 to 0.42) keeps the caches of the batch before until the new ones are complete: both at once, 2.8
of 14.7 GiB for CogVideoX at 720x480. A version that pops what it reads makes this unnecessary. The bits are the same.
"""

from __future__ import annotations

import inspect
from typing import Any

ARGUMENT = "conv_cache"


class _ReleasingCache(dict[str, Any]):
    """A cache whose entries are gone once they were read."""

    def get(self, key: str, default: Any = None) -> Any:
        """Returns an entry and releases it."""
        return self.pop(key, default)


def release_used_caches(vae: Any) -> None:
    """Makes a VAE release each convolution cache as soon as it was read; does nothing to one that has none.

    Args:
        vae: a diffusers VAE; gets hooks on its encoder and decoder.
    """
    for name in ("encoder", "decoder"):
        half = getattr(vae, name, None)
        if half is not None and ARGUMENT in inspect.signature(type(half).forward).parameters:
            half.register_forward_pre_hook(_release_as_read, with_kwargs=True)


def _release_as_read(
    _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(kwargs.get(ARGUMENT), dict):
        kwargs = {**kwargs, ARGUMENT: _moved(kwargs[ARGUMENT])}
    return args, kwargs


def _moved(cache: dict[str, Any]) -> _ReleasingCache:
    """Moves a cache's entries to one that they are used up from: the caller still holds the old one."""
    moved = _ReleasingCache()
    for key in list(cache):
        value = cache.pop(key)
        moved[key] = _moved(value) if isinstance(value, dict) else value
    return moved
