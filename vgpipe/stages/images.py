"""The image that a clip begins with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import ModelError
from vgpipe.job.clip import Clip
from vgpipe.job.pixels import MAX_FILE_MIB, opened
from vgpipe.outside_file import read_outside
from vgpipe.units import MIB

if TYPE_CHECKING:
    import numpy as np


_COPIES: dict[str, Path] = {}
"""SHA-256 -> a copy of an image on a machine that does not have the image itself."""


def use_copy(sha256: str, path: Path) -> None:
    """Has a copy read in place of every image with these bytes, in this process."""
    _COPIES[sha256] = path


def first_frames(clip: Clip) -> np.ndarray | None:
    """Reads the image that a clip begins with.

    Returns:
        (1, H, W, 3) uint8 at the image's own size; None where the clip begins from text alone.

    Raises:
        ModelError: where the file has gone or changed since the job was read.
    """
    if clip.image is None:
        return None
    import numpy as np
    from PIL import ImageOps

    try:
        data = read_outside(_COPIES.get(clip.image_sha256 or "", Path(clip.image)), max_bytes=MAX_FILE_MIB * MIB)
        if hashlib.sha256(data).hexdigest() != clip.image_sha256:
            raise ModelError(f"{clip.image} has changed since the job was read -> run the job again")
        picture = ImageOps.exif_transpose(opened(data)).convert("RGB")
    except ModelError:
        raise
    except Exception as error:  # a damaged file raises nearly anything in its decoder
        raise ModelError(f"{clip.image} cannot be read: {error}") from error
    return np.asarray(picture)[None]
