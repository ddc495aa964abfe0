"""Prepares images for an image encoder as far as a plan needs it: only their number and size count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from vgpipe.planner.profiling.fake_tokenizer import Tokens

COLOURS = 3


class FakeImageProcessor:
    """Returns images of the size that the real one gives, all zero.

    Args:
        config: its preprocessor_config.json, or a whole processor's config that holds it.
    """

    def __init__(self, config: Mapping[str, Any]):
        own = config.get("image_processor", config)
        size = own["crop_size"] if own.get("do_center_crop") else own["size"]
        self._sides = (size, size) if isinstance(size, int) else (int(size["height"]), int(size["width"]))

    def __call__(self, *, images: Any, **_kwargs: Any) -> Tokens:
        """Returns `pixel_values` (images, 3, height, width) float32.

        Args:
            images: one, or a list of them.
        """
        count = len(images) if isinstance(images, list | tuple) else 1
        return Tokens(pixel_values=torch.zeros(count, COLOURS, *self._sides))

    preprocess = __call__
