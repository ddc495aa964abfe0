"""Opens the bytes of an image that anybody may have made, with the decoders of a few formats and up to a size.

Pillow decides by the content, whatever the suffix, and would start Ghostscript for an EPS.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
FORMAT_WORDS = "PNG, JPEG, WebP or BMP"
MAX_PIXELS = 64_000_000
MAX_FILE_MIB = 256


class TooManyPixels(ValueError):
    """An image is larger than `MAX_PIXELS`."""


def opened(data: bytes) -> Image:
    """Opens an image; decodes no pixel yet.

    Args:
        data: the content of its file.

    Raises:
        PIL.UnidentifiedImageError: where it is of no format in `FORMATS`.
        TooManyPixels: where it has more than `MAX_PIXELS`.
    """
    # Loaded only where there are images; without WebP's plugin, Pillow loads every one.
    from PIL import Image, WebPImagePlugin  # noqa: F401

    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise TooManyPixels(f"more than Pillow's limit; at most {MAX_PIXELS:,} pixels are allowed") from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        size = f"{width}x{height}, {width * height:,} pixels"
        raise TooManyPixels(f"{size}; at most {MAX_PIXELS:,} pixels are allowed")
    return image
