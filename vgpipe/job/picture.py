"""Reads one image file: whether it can be the first frame of a video, the digest of its content and its size.

The file is read once, and the same bytes are hashed and decoded, so that it cannot change in between.
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

from vgpipe.job.faults import MAX_VALUE_CHARS, format_text, format_value, nearest
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
_ROTATED = range(5, 9)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file that can be decoded.

    Attributes:
        path: absolute path, as the user gave it.
        sha256: SHA-256 of the file's bytes, 64 hex digits.
        width: in pixels, as shown: after the rotation of its EXIF data.
        height: likewise.
    """

    path: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PictureFault:
    """Why a file cannot be the first frame of a video.

    Attributes:
        what: what is wrong, the image named first.
        remedy: what to do instead.
    """

    what: str
    remedy: str


def load_picture(given: str, folder: Path) -> Picture | PictureFault:
    """Reads, hashes and decodes an image file, whatever its suffix.

    Args:
        given: its path as the user wrote it; `~` stands for the home directory.
        folder: what a relative path starts from.

    Returns:
        The picture, or what is wrong with it. Nothing is downloaded: a URL is a fault.
    """
    if not given.strip():
        return PictureFault("image is empty", "write the path of an image file there")
    if _URL.match(given):
        return _url(given)
    path = (folder / _expanded(given)).absolute()
    data = _read(given, path)
    if isinstance(data, PictureFault):
        return data
    size = _measured(given, data)
    return size if isinstance(size, PictureFault) else Picture(str(path), hashlib.sha256(data).hexdigest(), *size)


def format_path(given: str) -> str:
    """Formats an image's path in a message; of a long one the end, which tells files apart."""
    return format_value(given if len(given) <= MAX_VALUE_CHARS else f"...{given[3 - MAX_VALUE_CHARS :]}")


def _url(given: str) -> PictureFault:
    is_file = given.lower().startswith("file:")
    remedy = "write the path alone, without file://" if is_file else "download it first, then name the file"
    return PictureFault(f"image {format_path(given)} is a URL", remedy)


def _expanded(given: str) -> Path:
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def _read(given: str, path: Path) -> bytes | PictureFault:
    try:
        fault = _kind_fault(given, path, os.stat(path))
        if fault is not None:
            return fault
        with path.open("rb") as file:
            data = file.read(MAX_FILE_MIB * 2**20)
    except FileNotFoundError:
        what = f"image {format_path(given)} is not there; looked for {format_path(display(path))[1:-1]}"
        return PictureFault(what, _advice(given, path.parent, path.name))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return PictureFault(
            f"image {format_path(given)} cannot be read: {reason}", "check the path and the file's permissions"
        )
    return data or PictureFault(f"image {format_path(given)} is an empty file", "save the image again, or name another")


def _kind_fault(given: str, path: Path, status: os.stat_result) -> PictureFault | None:
    if stat.S_ISDIR(status.st_mode):
        return PictureFault(f"image {format_path(given)} is a folder", _advice(str(Path(given) / "x"), path, ""))
    if not stat.S_ISREG(status.st_mode):
        return PictureFault(f"image {format_path(given)} is not a regular file", "save the image as a file")
    if status.st_size > MAX_FILE_MIB * 2**20:
        return PictureFault(
            f"image {format_path(given)} is larger than {MAX_FILE_MIB} MiB", "save it as JPEG, or scale it down"
        )
    return None


def _advice(given: str, folder: Path, name: str) -> str:
    """Names the image of a folder that was likely meant, spelled as the user spelled the folder."""
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
    return format_path(str(Path(given).parent / name))[1:-1]


def _measured(given: str, data: bytes) -> tuple[int, int] | PictureFault:
    """Returns width and height of an image that can be decoded to its last pixel."""
    # Loaded only by jobs that have images.
    from PIL import Image, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 (without it Pillow loads every plugin)

    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities in metadata, and of sizes that are refused here anyway.
            warnings.simplefilter("ignore")
            return _decoded(given, Image, data)
    except UnidentifiedImageError:
        remedy = f"save it as {FORMAT_WORDS}"
        return PictureFault(f"image {format_path(given)} is not an image that can be read, whatever its name", remedy)
    except Image.DecompressionBombError:
        return _too_large(given, "more than Pillow's limit")
    # A damaged file raises nearly anything in its decoder.
    except Exception as error:
        reason = format_text(" ".join(str(error).split()) or type(error).__name__)
        return PictureFault(f"image {format_path(given)} is damaged: {reason}", "save or download it again")


def _decoded(given: str, library: Any, data: bytes) -> tuple[int, int] | PictureFault:
    with library.open(BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return _too_large(given, f"{width}x{height}, {width * height:,} pixels")
        image.verify()
    # `verify` leaves the image unusable, and looks at nothing but PNG's checksums.
    with library.open(BytesIO(data), formats=FORMATS) as image:
        image.draft(None, (width // 8, height // 8))
        image.load()
        is_rotated = image.getexif().get(_EXIF_ORIENTATION) in _ROTATED
    return (height, width) if is_rotated else (width, height)


def _too_large(given: str, size: str) -> PictureFault:
    what = f"image {format_path(given)} is too large: {size}; at most {MAX_PIXELS:,} pixels are allowed"
    return PictureFault(what, "scale it down; the clip's own size is enough")
