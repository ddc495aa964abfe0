"""Reads the recipe from a finished file, which may come from anyone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vgpipe.errors import EncoderError
from vgpipe.exporters.ffmetadata import comments
from vgpipe.exporters.ffmpeg import answer
from vgpipe.exporters.image_texts import texts
from vgpipe.exporters.recipe import MAX_PLAIN_BYTES, SCHEMA, from_text
from vgpipe.outside_file import OutsideFileError
from vgpipe.units import GIB

NONE = "has no vgpipe recipe in it (made with run.metadata=false, or its metadata were stripped)"
UNREADABLE = "its recipe cannot be read: "
IMAGES = (".png", ".jpg", ".jpeg")
# Only these containers, and no other file or address that one of them may reference.
ONLY = ("-protocol_whitelist", "file", "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm")
TIMEOUT_S = 30.0
MAX_MEMORY_BYTES = 2 * GIB


def read_recipe(path: Path) -> dict[str, Any]:
    """Returns the recipe embedded in an exported file.

    Args:
        path: a video, an image, or a folder of frames, of which the first is read.

    Raises:
        ValueError: if it holds no readable recipe, with the reason in one line.
        OSError: if the file cannot be read.
    """
    if path.is_dir():
        return read_recipe(_first_image(path))
    if not path.is_file():
        raise ValueError("is not a file" if os.path.lexists(path) else "no such file")
    try:
        in_image = texts(path)
        return _first(_in_video(path) if in_image is None else in_image)
    except OutsideFileError as error:
        raise ValueError(str(error)) from error
    except (ValueError, EncoderError) as error:
        raise ValueError(str(error) if str(error) == NONE else f"{UNREADABLE}{error}") from error


def _first_image(folder: Path) -> Path:
    images = (path for path in folder.iterdir() if path.suffix.lower() in IMAGES and path.is_file())
    first = min(images, default=None)
    if first is None:
        raise ValueError("has no PNG or JPEG in it")
    return first


def _first(found: Iterable[str]) -> dict[str, Any]:
    """Returns the first recipe; skips comments of other programs."""
    for text in found:
        if f'"{SCHEMA}"' in text:
            return from_text(text)
    raise ValueError(NONE)


def _in_video(path: Path) -> Iterable[str]:
    # An absolute path after its protocol is neither an option nor an address, whatever its name.
    source = [*ONLY, "-nofind_stream_info", "-i", f"file:{path.absolute()}"]
    target = ["-map_chapters", "-1", "-f", "ffmetadata", "-"]
    metadata = answer(
        [*source, *target], max_bytes=4 * MAX_PLAIN_BYTES, timeout_s=TIMEOUT_S, max_memory_bytes=MAX_MEMORY_BYTES
    )
    return comments(metadata.decode("utf-8", "replace"))
