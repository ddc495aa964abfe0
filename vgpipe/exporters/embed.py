"""Embeds a recipe in finished files for which ffmpeg writes no comment: GIF, animated PNG and WebP.

A file is copied in chunks to a temporary name beside it, which replaces it at the end.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol
from xml.sax.saxutils import escape

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_KEY = "vgpipe"
IHDR_BYTES = 25  # with length, name and checksum
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
GIF_STARTS = (b"GIF89a", b"GIF87a")
GIF_APPLICATION, GIF_COMMENT = b"\x21\xff", b"\x21\xfe"
WEBP_HAS_XMP = 0x04
XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:vgpipe="urn:vgpipe:"><vgpipe:recipe>{}</vgpipe:recipe></rdf:Description>\
</rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""


def embed_text(path: Path, text: str) -> None:
    """Embeds a text in a finished file: before the first frame of a GIF, at the end of others.

    Args:
        path: a GIF, PNG or lossy WebP, animated or not, according to its suffix; replaced.
        text: ASCII, one line.

    Raises:
        OSError: if it cannot be written.
        ValueError: if its content does not match its suffix.
    """
    copy = COPIES[path.suffix]
    _rewrite(path, lambda source, target: copy(source, target, text))


def _rewrite(path: Path, copy: Callable[[BinaryIO, BinaryIO], None]) -> None:
    temporary = path.with_name(f".with-recipe-{path.name}")
    try:
        with path.open("rb") as source, temporary.open("wb") as target:
            copy(source, target)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Returns the next bytes, at most `size`."""
        ...


def read_exactly(source: Readable, count: int) -> bytes:
    """Returns the next `count` bytes of a file.

    Raises:
        ValueError: if the file ends before.
    """
    taken = source.read(count)
    if len(taken) < count:
        raise ValueError("the file ends too early")
    return taken


def _png(source: BinaryIO, target: BinaryIO, text: str) -> None:
    start = read_exactly(source, len(PNG_START) + IHDR_BYTES)
    if not start.startswith(PNG_START):
        raise ValueError("it is not a PNG")
    target.write(start)
    shutil.copyfileobj(source, target)
    source.seek(-len(PNG_END), os.SEEK_END)
    if source.read() != PNG_END:
        raise ValueError("the file ends too early")
    # keyword, compressed, by zlib, no language, no translated keyword
    body = b"iTXt" + PNG_KEY.encode() + b"\0\1\0\0\0" + zlib.compress(text.encode(), 9)
    # At the end: ffmpeg reads an animation as a still if a long chunk precedes its first frame.
    target.seek(-len(PNG_END), os.SEEK_END)
    target.write(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + PNG_END)


def _gif(source: BinaryIO, target: BinaryIO, text: str) -> None:
    start = read_exactly(source, 13)
    if not start.startswith(GIF_STARTS):
        raise ValueError("it is not a GIF")
    colours = read_exactly(source, 3 << ((start[10] & 7) + 1)) if start[10] & 0x80 else b""
    target.write(start + colours)
    # Some players expect the loop count directly after the colours.
    while (mark := read_exactly(source, 2)) == GIF_APPLICATION:
        target.write(mark)
        _copy_gif_blocks(source, target)
    data = text.encode()
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    target.write(GIF_COMMENT + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0")
    target.write(mark)
    shutil.copyfileobj(source, target)


def _copy_gif_blocks(source: BinaryIO, target: BinaryIO) -> None:
    while (size := read_exactly(source, 1)) != b"\0":
        target.write(size + read_exactly(source, size[0]))
    target.write(size)


def _webp(source: BinaryIO, target: BinaryIO, text: str) -> None:
    start, first = read_exactly(source, 12), read_exactly(source, 18)
    if start[:4] != b"RIFF" or start[8:] != b"WEBP":
        raise ValueError("it is not a WebP")
    size = struct.unpack("<I", start[4:8])[0]
    extended = _extended(first)
    packet = XMP.format(escape(text)).encode()
    chunk = b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)
    whole = size + len(extended) - len(first) + len(chunk)
    target.write(b"RIFF" + struct.pack("<I", whole) + b"WEBP" + extended)
    shutil.copyfileobj(source, target)
    target.write(chunk)


def _extended(first: bytes) -> bytes:
    """Returns the first 18 bytes after the header, with the XMP flag set; adds the VP8X chunk that a still may lack."""
    if first[:4] == b"VP8X":
        return first[:8] + bytes([first[8] | WEBP_HAS_XMP]) + first[9:]
    if first[:4] != b"VP8 " or first[11:14] != b"\x9d\x01\x2a":
        raise ValueError("it is a WebP of an unsupported kind")
    sides = struct.unpack("<HH", first[14:])
    width, height = (struct.pack("<I", (side & 0x3FFF) - 1)[:3] for side in sides)
    return b"VP8X" + struct.pack("<I", 10) + bytes([WEBP_HAS_XMP, 0, 0, 0]) + width + height + first


COPIES = {".gif": _gif, ".png": _png, ".webp": _webp}
"""Suffix -> function that copies such a file with a text embedded."""
