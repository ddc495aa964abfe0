"""Finds the texts of image files that may hold a recipe; decodes no pixels and trusts no length that it reads."""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import unescape

from vgpipe.exporters.embed import GIF_STARTS, PNG_KEY, PNG_START, read_exactly
from vgpipe.exporters.recipe import MAX_PLAIN_BYTES
from vgpipe.outside_file import open_outside

IN_XMP = re.compile(rb"<vgpipe:recipe>([^<]*)</vgpipe:recipe>")
TIMEOUT_S = 20.0
"""A file of gigabytes can have a chunk for every few bytes."""
JPEG_START, JPEG_COMMENT = b"\xff\xd8\xff", 0xFE
JPEG_PIXELS = (0xDA, 0xD9)  # after these there are no more segments
JPEG_BARE = (0x01, *range(0xD0, 0xD8))
GIF_IMAGE, GIF_EXTENSION, GIF_COMMENT = b"\x2c", b"\x21", b"\xfe"
Texts = Iterator[bytes]


class _Timed:
    """A file that is not read for longer than `TIMEOUT_S`."""

    def __init__(self, source: BinaryIO):
        self._source, self._until_s = source, time.monotonic() + TIMEOUT_S
        self.seek = source.seek

    def read(self, size: int) -> bytes:
        """Returns the next bytes.

        Raises:
            ValueError: where reading has taken too long.
        """
        if time.monotonic() > self._until_s:
            raise ValueError(f"the file has too many parts to be read in {TIMEOUT_S:g} s")
        return self._source.read(size)


def texts(path: Path) -> Iterator[str] | None:
    """Returns the texts of an image file that may hold a recipe.

    Args:
        path: any file.

    Returns:
        An iterator that reads lazily and raises ValueError if the file is damaged; None if it is not a PNG, JPEG, GIF
        or WebP.

    Raises:
        OSError: if it cannot be read.
    """
    with open_outside(path) as source:
        start = source.read(12)
    reader = _reader(start)
    return None if reader is None else _read(path, reader)


def _read(path: Path, reader: Callable[[_Timed], Texts]) -> Iterator[str]:
    with open_outside(path) as source:
        for text in reader(_Timed(source)):
            yield text.decode("ascii", "replace")


def _reader(start: bytes) -> Callable[[_Timed], Texts] | None:
    if start.startswith(PNG_START):
        return _in_png
    if start.startswith(JPEG_START):
        return _in_jpeg
    if start.startswith(GIF_STARTS):
        return _in_gif
    return _in_webp if start[:4] == b"RIFF" and start[8:] == b"WEBP" else None


def _chunk(source: _Timed, size: int, *, is_wanted: bool, padding: int) -> bytes:
    """Returns the content of a chunk, empty if unwanted or too large for a recipe; moves to the next chunk."""
    is_read = is_wanted and size <= MAX_PLAIN_BYTES
    taken = read_exactly(source, size) if is_read else b""
    source.seek(padding if is_read else size + padding, os.SEEK_CUR)
    return taken


def _in_png(source: _Timed) -> Texts:
    source.seek(len(PNG_START))
    while True:
        head = read_exactly(source, 8)
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        key, _, rest = _chunk(source, size, is_wanted=name == b"iTXt", padding=4).partition(b"\0")
        if key == PNG_KEY.encode() and len(rest) > 2:
            yield _itxt(rest)
        if name == b"IEND":
            return


def _itxt(rest: bytes) -> bytes:
    text = rest[2:].split(b"\0", 2)[-1]  # after the language and the translated keyword
    if rest[0] == 0:
        return text
    try:
        return zlib.decompressobj().decompress(text, MAX_PLAIN_BYTES)
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked: {error}") from None


def _in_jpeg(source: _Timed) -> Texts:
    source.seek(2)
    while True:
        start, mark = read_exactly(source, 2)
        if start != 0xFF:
            raise ValueError("the file is damaged")
        if mark == 0xFF:  # padding before the marker
            source.seek(-1, os.SEEK_CUR)
        elif mark in JPEG_PIXELS:
            return
        elif mark not in JPEG_BARE:
            size = max(0, int.from_bytes(read_exactly(source, 2), "big") - 2)
            text = _chunk(source, size, is_wanted=mark == JPEG_COMMENT, padding=0)
            if mark == JPEG_COMMENT:
                yield text


def _in_gif(source: _Timed) -> Texts:
    _skip_colours(source, read_exactly(source, 13)[10])
    while (kind := read_exactly(source, 1)) in (GIF_IMAGE, GIF_EXTENSION):
        if kind == GIF_IMAGE:
            _skip_colours(source, read_exactly(source, 9)[8])
        mark = read_exactly(source, 1)  # of an image: its code size
        is_comment = kind == GIF_EXTENSION and mark == GIF_COMMENT
        text = _blocks(source, is_wanted=is_comment)
        if is_comment:
            yield text


def _skip_colours(source: _Timed, flags: int) -> None:
    if flags & 0x80:
        source.seek(3 << ((flags & 7) + 1), os.SEEK_CUR)


def _blocks(source: _Timed, *, is_wanted: bool) -> bytes:
    taken = bytearray()
    while size := read_exactly(source, 1)[0]:
        if is_wanted and len(taken) <= MAX_PLAIN_BYTES:
            taken += read_exactly(source, size)
        else:
            source.seek(size, os.SEEK_CUR)
    return bytes(taken)


def _in_webp(source: _Timed) -> Texts:
    source.seek(12)
    while len(head := source.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        packet = _chunk(source, size, is_wanted=head[:4] == b"XMP ", padding=size % 2)
        for found in IN_XMP.findall(packet):
            yield unescape(found.decode("ascii", "replace")).encode("ascii", "replace")
