"""One image file: whether it can be the first frame of a video, its content's digest and its size.

The file is read once, and what was read is both hashed and decoded: it cannot change between the two.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from vgpipe.job.faults import MAX_VALUE_CHARS, nearest, shown
from vgpipe.job.source import display

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
FORMAT_WORDS = "PNG, JPEG, WebP or BMP"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MAX_PIXELS = 64_000_000
MAX_FILE_MIB = 256
MAX_NAMES_LISTED = 2_000

# At least two letters before the colon: `C:\` is a Windows drive.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]+:/{2}|data:)", re.IGNORECASE)
_EXIF_ORIENTATION = 0x0112
_TURNED = range(5, 9)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file that can be decoded.

    Attributes:
        path: absolute path, as the user gave it.
        sha256: SHA-256 of the file's bytes, 64 hex digits.
        width: in pixels, as shown: a photo held upright is turned first.
        height: likewise.
    """

    path: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a file cannot be the first frame of a video.

    Attributes:
        what: what is wrong, the image named first.
        remedy: what to do instead.
    """

    what: str
    remedy: str


def look(given: str, folder: Path) -> Picture | Flaw:
    """Read, hash and decode an image file, of whatever suffix.

    Args:
        given: its path as the user wrote it; `~` stands for the home directory.
        folder: what a relative path starts from.

    Returns:
        The picture, or what is wrong with it. Nothing is ever fetched: a URL is a flaw.
    """
    if not given.strip():
        return Flaw("image is empty", "write the path of an image file there")
    if _URL.match(given):
        return _url(given)
    path = (folder / _expanded(given)).absolute()
    data = _read(given, path)
    if isinstance(data, Flaw):
        return data
    size = _measured(given, data)
    return size if isinstance(size, Flaw) else Picture(str(path), hashlib.sha256(data).hexdigest(), *size)


def named(given: str) -> str:
    """Show an image's path in a message; of a long one the end, which tells files apart."""
    return shown(given if len(given) <= MAX_VALUE_CHARS else f"...{given[3 - MAX_VALUE_CHARS :]}")


def _url(given: str) -> Flaw:
    is_file = given.lower().startswith("file:")
    remedy = "write the path alone, without file://" if is_file else "download it first, then name the file"
    return Flaw(f"image {named(given)} is a URL", remedy)


def _expanded(given: str) -> Path:
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def _read(given: str, path: Path) -> bytes | Flaw:
    try:
        flaw = _kind_flaw(given, path, os.stat(path))
        if flaw is not None:
            return flaw
        with path.open("rb") as file:
            data = file.read(MAX_FILE_MIB * 2**20)
    except FileNotFoundError:
        what = f"image {named(given)} is not there; looked for {named(display(path))[1:-1]}"
        return Flaw(what, _advice(given, path.parent, path.name))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Flaw(f"image {named(given)} cannot be read: {reason}", "check the path and the file's permissions")
    return data or Flaw(f"image {named(given)} is an empty file", "save the image again, or name another")


def _kind_flaw(given: str, path: Path, status: os.stat_result) -> Flaw | None:
    if stat.S_ISDIR(status.st_mode):
        return Flaw(f"image {named(given)} is a folder", _advice(str(Path(given) / "x"), path, ""))
    if not stat.S_ISREG(status.st_mode):
        return Flaw(f"image {named(given)} is not a regular file", "save the image as a file")
    if status.st_size > MAX_FILE_MIB * 2**20:
        return Flaw(f"image {named(given)} is larger than {MAX_FILE_MIB} MiB", "save it as JPEG, or scale it down")
    return None


def _advice(given: str, folder: Path, name: str) -> str:
    """Name the image of a folder that was likely meant, spelled as the user spelled the folder."""
    found = {each.lower().replace("-", "_").replace(" ", "_"): each for each in _names_in(folder)}
    meant = nearest(name, found) if name else None
    if meant is not None:
        return f"did you mean image: {_spelled(given, found[meant])}?"
    images = [each for each in found.values() if each.lower().endswith(SUFFIXES)]
    if images:
        return f"there is image: {_spelled(given, images[0])}"
    return "name an image file; relative paths start at the job file's folder, or for clip.image where you are"


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_NAMES_LISTED) if entry.is_file())
    except (OSError, ValueError):
        return []


def _spelled(given: str, name: str) -> str:
    return named(str(Path(given).parent / name))[1:-1]


def _measured(given: str, data: bytes) -> tuple[int, int] | Flaw:
    """Return width and height of an image that can be decoded to its last pixel."""
    # Loaded only by jobs that have images.
    from PIL import Image, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 (without it Pillow loads every plugin)

    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities in metadata, and of sizes that are refused here anyway.
            warnings.simplefilter("ignore")
            return _decoded(given, Image, data)
    except UnidentifiedImageError:
        remedy = f"save it as {FORMAT_WORDS}"
        return Flaw(f"image {named(given)} is not an image that can be read, whatever its name", remedy)
    except Image.DecompressionBombError:
        return _too_large(given, "more than Pillow's limit")
    # A damaged file raises nearly anything in its decoder.
    except Exception as error:
        reason = shown(" ".join(str(error).split()) or type(error).__name__)[1:-1]
        return Flaw(f"image {named(given)} is damaged: {reason}", "save or download it again")


def _decoded(given: str, library: Any, data: bytes) -> tuple[int, int] | Flaw:
    with library.open(BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return _too_large(given, f"{width}x{height}, {width * height:,} pixels")
        image.verify()
    # `verify` leaves the image unusable, and looks at nothing but PNG's checksums.
    with library.open(BytesIO(data), formats=FORMATS) as image:
        image.draft(None, (width // 8, height // 8))
        image.load()
        turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    return (height, width) if turned else (width, height)


def _too_large(given: str, size: str) -> Flaw:
    what = f"image {named(given)} is too large: {size}; at most {MAX_PIXELS:,} pixels are allowed"
    return Flaw(what, "scale it down; the clip's own size is enough")
