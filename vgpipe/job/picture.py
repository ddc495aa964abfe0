"""Reads one image file: whether it can be the first frame of a video, the digest of its content and its size.

The file is read once, and the same bytes are hashed and decoded, so that it cannot change in between.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vgpipe.job.faults import MAX_VALUE_CHARS, format_text, format_value, nearest
from vgpipe.job.pixels import FORMAT_WORDS, MAX_FILE_MIB, TooManyPixels, opened
from vgpipe.job.source import display
from vgpipe.outside_file import OutsideFileError, Refusal, expanded, read_outside
from vgpipe.units import MIB

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
MAX_NAMES_LISTED = 2_000
KINDS = {"video": "video", "audio": "sound"}
"""Setting -> the kind of file that it names; others name an image."""
SMALLER = {"video": "cut or scale it down", "audio": "save it as FLAC or MP3, or cut it"}
"""Setting -> what to do with a file that is too large."""

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


def load_picture(given: str, folder: Path, setting: str = "image") -> Picture | PictureFault:
    """Reads, hashes and decodes an image file, whatever its suffix.

    Args:
        given: its path as the user wrote it; `~` stands for the home directory.
        folder: what a relative path starts from.
        setting: the one that names it, for messages.

    Returns:
        The picture, or what is wrong with it. Nothing is downloaded: a URL is a fault.
    """
    if (fault := path_fault(setting, given)) is not None:
        return fault
    path = (folder / expanded(given)).absolute()
    data = _read(setting, given, path)
    if isinstance(data, PictureFault):
        return data
    size = _measured(f"{setting} {format_path(given)}", data)
    return size if isinstance(size, PictureFault) else Picture(str(path), hashlib.sha256(data).hexdigest(), *size)


def format_path(given: str) -> str:
    """Formats an image's path in a message; of a long one the end, which tells files apart."""
    return format_value(given if len(given) <= MAX_VALUE_CHARS else f"...{given[3 - MAX_VALUE_CHARS :]}")


def path_fault(setting: str, given: str) -> PictureFault | None:
    """Returns what is wrong with the path of a file before it is looked for; None where nothing is.

    Args:
        setting: the one that names it.
        given: its path as the user wrote it.
    """
    if not given.strip():
        return PictureFault(f"{setting} is empty", f"write the path of {_article(setting)} file there")
    if _URL.match(given) is None:
        return None
    is_file = given.lower().startswith("file:")
    remedy = "write the path alone, without file://" if is_file else "download it first, then name the file"
    return PictureFault(f"{setting} {format_path(given)} is a URL", remedy)


def _read(setting: str, given: str, path: Path) -> bytes | PictureFault:
    try:
        data = read_outside(path, max_bytes=MAX_FILE_MIB * MIB)
    except OutsideFileError as error:
        return unread(setting, given, path, error)
    return data or PictureFault(
        f"{setting} {format_path(given)} is an empty file", "save the image again, or name another"
    )


def unread(
    setting: str,
    given: str,
    path: Path,
    error: OutsideFileError,
    *,
    suffixes: tuple[str, ...] = SUFFIXES,
    max_mib: int = MAX_FILE_MIB,
) -> PictureFault:
    """Returns the fault of a file that cannot be read.

    Args:
        setting: the one that names it.
        given: its path as the user wrote it.
        path: the same, absolute.
        error: why it is not read.
        suffixes: of the files that may be meant.
        max_mib: the largest that is read, MiB.
    """
    name = f"{setting} {format_path(given)}"
    if error.refusal is Refusal.MISSING:
        looked_for = format_path(display(path))[1:-1]
        advice = _advice(setting, given, path.parent, path.name, suffixes)
        return PictureFault(f"{name} is not there; looked for {looked_for}", advice)
    if error.refusal is Refusal.FOLDER:
        return PictureFault(f"{name} is a folder", _advice(setting, str(Path(given) / "x"), path, "", suffixes))
    if error.refusal is Refusal.NO_REGULAR_FILE:
        return PictureFault(f"{name} is not a regular file", f"save the {_kind(setting)} as a file")
    if error.refusal is Refusal.TOO_LARGE:
        remedy = SMALLER.get(setting, "save it as JPEG, or scale it down")
        return PictureFault(f"{name} is larger than {max_mib} MiB", remedy)
    return PictureFault(f"{name} cannot be read: {error.detail}", "check the path and the file's permissions")


def _advice(setting: str, given: str, folder: Path, name: str, suffixes: tuple[str, ...]) -> str:
    """Names the file of a folder that was likely meant, spelled as the user spelled the folder."""
    found = {each.lower().replace("-", "_").replace(" ", "_"): each for each in _names_in(folder)}
    meant = nearest(name, found) if name else None
    if meant is not None:
        return f"did you mean {setting}: {_spelled(given, found[meant])}?"
    alike = [each for each in found.values() if each.lower().endswith(suffixes)]
    if alike:
        return f"there is {setting}: {_spelled(given, alike[0])}"
    start = f"relative paths start at the job file's folder, or for clip.{setting} where you are"
    return f"name {_article(setting)} file; {start}"


def _kind(setting: str) -> str:
    return KINDS.get(setting, "image")


def _article(setting: str) -> str:
    kind = _kind(setting)
    return f"an {kind}" if kind == "image" else f"a {kind}"


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_NAMES_LISTED) if entry.is_file())
    except (OSError, ValueError):
        return []


def _spelled(given: str, name: str) -> str:
    return format_path(str(Path(given).parent / name))[1:-1]


def _measured(name: str, data: bytes) -> tuple[int, int] | PictureFault:
    """Returns width and height of an image that can be decoded to its last pixel."""
    from PIL import UnidentifiedImageError  # loaded only by jobs that have images

    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities in metadata, and of sizes that are refused here anyway.
            warnings.simplefilter("ignore")
            return _decoded(data)
    except UnidentifiedImageError:
        return PictureFault(f"{name} is not an image that can be read, whatever its name", f"save it as {FORMAT_WORDS}")
    except TooManyPixels as error:
        return PictureFault(f"{name} is too large: {error}", "scale it down; the clip's own size is enough")
    # A damaged file raises nearly anything in its decoder.
    except Exception as error:
        reason = format_text(" ".join(str(error).split()) or type(error).__name__)
        return PictureFault(f"{name} is damaged: {reason}", "save or download it again")


def _decoded(data: bytes) -> tuple[int, int]:
    with opened(data) as image:
        width, height = image.size
        image.verify()
    # `verify` leaves the image unusable, and looks at nothing but PNG's checksums.
    with opened(data) as image:
        image.draft(None, (width // 8, height // 8))
        image.load()
        is_rotated = image.getexif().get(_EXIF_ORIENTATION) in _ROTATED
    return (height, width) if is_rotated else (width, height)
