"""Passes a recipe to ffmpeg and reads it back, as the `comment` of its metadata format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vgpipe.errors import ExportError
from vgpipe.exporters.temporary import temporary_folder

FIRST_LINE = ";FFMETADATA1\n"
KEY = "comment"
SPECIAL = re.compile(r"[=;#\\\n]")
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
SECTION_OR_ENTRY = re.compile(r"^(?:(\[)|((?:[^\\=\n]|\\.)+)=((?:[^\\\n]|\\.)*))", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tags:
    """ffmpeg's arguments for the metadata of a file.

    Attributes:
        input: a second input.
        output: apply its metadata, and none of its streams.
    """

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()


@contextmanager
def tags(text: str | None) -> Iterator[Tags]:
    """Yields the arguments that embed a text in a file; a temporary file holds the text meanwhile.

    On a command line it could be too long, and other users could see it.

    Args:
        text: one line; None yields no arguments.

    Raises:
        ExportError: if the temporary file cannot be written.
    """
    if text is None:
        yield Tags()
        return
    with ExitStack() as stack:
        path = _written(text, stack)
        yield Tags(("-f", "ffmetadata", "-i", str(path)), ("-map", "0:v", "-map_metadata", "1"))


def _written(text: str, stack: ExitStack) -> Path:
    path = stack.enter_context(temporary_folder()) / "recipe"
    try:
        path.write_text(FIRST_LINE + comment(text), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ExportError(f"the recipe cannot be written to a temporary file: {error}") from error
    return path


def comment(text: str) -> str:
    """Returns a text as a line of ffmpeg's metadata format."""
    return f"{KEY}={SPECIAL.sub(lambda found: chr(92) + found[0], text)}\n"


def comments(metadata: str) -> Iterator[str]:
    """Finds the comments in the metadata of a file.

    Args:
        metadata: in ffmpeg's format.

    Returns:
        The values of `comment`, a key that Matroska writes in capitals.
    """
    for found in SECTION_OR_ENTRY.finditer(metadata):
        section, key, value = found.groups()
        if section:  # the rest belongs to a stream or a chapter
            return
        if ESCAPED.sub(r"\1", key).lower() == KEY:
            yield ESCAPED.sub(r"\1", value)
