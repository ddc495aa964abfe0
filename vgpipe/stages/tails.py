"""The last frames of a segment, from which the next one goes on: kept when its other frames are let go."""

from __future__ import annotations

import numpy as np

from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

FILE = "tail.npy"


def write(store: Store, key: Key, frames_NHWC: np.ndarray) -> Artifact | None:
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
        np.save(draft.path(FILE), frames_NHWC, allow_pickle=False)
    return store.find(key)


def read(artifact: Artifact) -> np.ndarray:
    """Returns the frames (N, H, W, 3) uint8 of a tail."""
    frames: np.ndarray = np.load(artifact.path(FILE), allow_pickle=False)
    return frames
