"""decode: latents to frames."""

from __future__ import annotations

import time

import numpy as np
import torch

from vgpipe.models.base import Components, Family
from vgpipe.models.checkpoint import Checkpoint
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

FILE = "frames.npy"


def run(
    store: Store,
    key: Key,
    *,
    family: Family,
    checkpoint: Checkpoint,
    parts: Components,
    latents_1CTHW: torch.Tensor,
) -> Artifact | None:
    """Decodes one clip into the store.

    Args:
        store: where the artifact goes.
        key: its name.
        family: drives the model.
        checkpoint: the model's files.
        parts: the loaded `family.decode_parts`.
        latents_1CTHW: float32.

    Returns:
        The artifact: `frames.npy`, (T, H, W, 3) uint8.

    Raises:
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    frames_THWC = family.decode(checkpoint, parts, latents_1CTHW)
    with store.create(key) as draft:
        np.save(draft.path(FILE), frames_THWC, allow_pickle=False)
        draft.info["seconds"] = round(time.monotonic() - started, 4)
    return store.find(key)


def read(artifact: Artifact) -> np.ndarray:
    """Returns the frames (T, H, W, 3) uint8 of a decode artifact, mapped from disk rather than loaded."""
    frames: np.ndarray = np.load(artifact.path(FILE), mmap_mode="r", allow_pickle=False)
    return frames
