"""One tile of a contact sheet, from an untrusted picture."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.outside_file import open_outside

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG")  # what a run writes; both are decoded incrementally
MAX_SOURCE_PIXELS = 24_000_000
"""By the file's header, before a pixel is decoded; a larger picture is skipped."""
GREY, INK, STRIP = (112, 118, 128), (240, 240, 240), (86, 62, 140)
LETTER_PX, LINE_PX, MIN_WIDTH_PX = 7, 13, 40


def tile(path: Path, size: tuple[int, int], sheet: tuple[int, int, int, int] | None = None) -> Image.Image | None:
    """Returns a picture scaled into a size, its aspect kept; None where it cannot be read or is too large.

    Args:
        path: of a JPEG or PNG file.
        size: width and height that it may take, pixels.
        sheet: columns, rows, and width and height of a frame: of a picture of exactly that size, which is a sheet,
            the first frame is taken.
    """
    try:
        return _read(path, size, sheet)
    except Exception as error:  # a decoder raises anything on malformed bytes
        log.debug("%s has no tile: %s", path, error)
        return None


def blank(text: str, size: tuple[int, int]) -> Image.Image:
    """Returns a grey tile of a size (width and height, pixels) with a text, truncated to fit."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = Image.new("RGB", size, GREY)
    if size[0] >= MIN_WIDTH_PX:
        # Pillow's default font has no other letters.
        letters = "".join(letter if " " <= letter <= "~" else "?" for letter in text[:200])
        lines = [letters[at : at + size[0] // LETTER_PX] for at in range(0, len(letters), size[0] // LETTER_PX)]
        draw, font = ImageDraw.Draw(drawn), ImageFont.load_default()
        for number, line in enumerate(lines[: size[1] // LINE_PX]):
            draw.text((3, 2 + number * LINE_PX), line, INK, font)
    return drawn


def labelled(picture: Image.Image, text: str) -> Image.Image:
    """Returns a tile with a text on a dark strip along its bottom; as it is where that is empty or the tile is small.

    Args:
        picture: the tile.
        text: ASCII.
    """
    from PIL import ImageDraw, ImageFont

    if not text or picture.width < max(MIN_WIDTH_PX, LETTER_PX * len(text)) or picture.height < 2 * LINE_PX:
        return picture
    drawn, top = picture.convert("RGB"), picture.height - LINE_PX
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((0, top, drawn.width, drawn.height), fill=STRIP)
    draw.text((3, top), text, INK, ImageFont.load_default())
    return drawn


def _read(path: Path, size: tuple[int, int], sheet: tuple[int, int, int, int] | None) -> Image.Image | None:
    from PIL import Image, ImageOps

    with open_outside(path) as file, Image.open(file, formats=FORMATS) as picture:
        if picture.width * picture.height > MAX_SOURCE_PIXELS:
            log.debug("%s has no tile: %d x %d pixels are too many", path, picture.width, picture.height)
            return None
        is_sheet = sheet is not None and picture.size == (sheet[0] * sheet[2], sheet[1] * sheet[3])
        if not is_sheet:
            picture.draft("RGB", size)  # decodes a JPEG at reduced size
        whole = picture.convert("RGB")
    found = whole.crop((0, 0, sheet[2], sheet[3])) if is_sheet and sheet is not None else whole
    return ImageOps.contain(found, size)
