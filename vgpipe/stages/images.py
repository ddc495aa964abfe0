"""The images and the video that a clip is given, brought to its size.

A picture of another size is cropped (`cover`), padded (`contain`) or stretched, as `clip.fit` says, before a pipeline
sees it: most pipelines would stretch it, each with a filter of its own.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.job.clip import Clip
from vgpipe.job.pixels import MAX_FILE_MIB, opened
from vgpipe.models.base import PlacedFrames
from vgpipe.outside_file import read_outside
from vgpipe.stages.file_copies import copy_of
from vgpipe.units import MIB

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

PADDING = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenFrames:
    """What a clip is given beside text, at its width and height, uint8.

    Attributes:
        first_NHWC: frames that it begins with; None where it begins from text alone.
        last_HWC: the frame that it ends with; None where it ends freely.
        placed: frames at further places.
        source_NHWC: the frames of a video to restyle; None where none is.
    """

    first_NHWC: np.ndarray | None = None  # noqa: N815 (a shape)
    last_HWC: np.ndarray | None = None  # noqa: N815 (a shape)
    placed: tuple[PlacedFrames, ...] = ()
    source_NHWC: np.ndarray | None = None  # noqa: N815 (a shape)

    def arguments(self) -> dict[str, Any]:
        """Returns it as a `DenoiseRequest` names it."""
        return {
            "frames_NHWC": self.first_NHWC,
            "last_frame_HWC": self.last_HWC,
            "placed": self.placed,
            "source_NHWC": self.source_NHWC,
        }


def given_frames(clip: Clip, continued_NHWC: np.ndarray | None = None) -> GivenFrames:
    """Reads what a clip, or a segment of one, is given.

    Args:
        clip: the clip.
        continued_NHWC: uint8 frames of the segment before, which it begins with; None where it continues none.

    Raises:
        ModelError: where a file has gone or changed since the job was read, or cannot be decoded.
    """
    first_NHWC, source_NHWC = continued_NHWC, None
    if clip.video is not None:
        from vgpipe.stages.given_video import read_video

        frames_NHWC = read_video(clip)
        first_NHWC, source_NHWC = (None, frames_NHWC) if clip.strength is not None else (frames_NHWC, None)
    if clip.image is not None:
        first_NHWC = _frame(clip, clip.image, clip.image_sha256)[None]
    return GivenFrames(
        first_NHWC=first_NHWC,
        last_HWC=None if clip.last_image is None else _frame(clip, clip.last_image, clip.last_image_sha256),
        placed=tuple(
            PlacedFrames(first_frame=one.frame, frames_NHWC=_frame(clip, one.image, one.image_sha256)[None])
            for one in clip.images
        ),
        source_NHWC=source_NHWC,
    )


def fitted(picture: Image, clip: Clip) -> Image:
    """Returns a picture at the clip's width and height; as it is where the clip does not say how.

    Args:
        picture: RGB, of any size.
        clip: the clip; its `fit` says what becomes of another shape.
    """
    from PIL import Image, ImageOps

    size = (clip.width, clip.height)
    if clip.fit is None or picture.size == size:
        return picture
    if clip.fit == "stretch":
        return picture.resize(size, Image.Resampling.LANCZOS)
    if clip.fit == "contain":
        return ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color=PADDING)
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def _frame(clip: Clip, path: str, sha256: str | None) -> np.ndarray:
    """Reads an image as a frame (H, W, 3)."""
    import numpy as np
    from PIL import ImageOps

    try:
        data = read_outside(copy_of(sha256, path), max_bytes=MAX_FILE_MIB * MIB)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ModelError(f"{path} has changed since the job was read -> run the job again")
        picture = fitted(ImageOps.exif_transpose(opened(data)).convert("RGB"), clip)
    except ModelError:
        raise
    except Exception as error:  # a damaged file raises nearly anything in its decoder
        raise ModelError(f"{path} cannot be read: {error}") from error
    return np.asarray(picture)
