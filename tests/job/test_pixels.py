"""Which decoders an image that anybody may have made can reach."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, UnidentifiedImageError

from vgpipe.job.pixels import FORMATS, MAX_PIXELS, TooManyPixels, opened

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n"


def encoded(format_name: str) -> bytes:
    Image.new("RGB", (8, 6)).save(file := io.BytesIO(), format_name)
    return file.getvalue()


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_formats_that_are_read(format_name):
    assert opened(encoded(format_name)).convert("RGB").size == (8, 6)


@pytest.mark.parametrize("data", [EPS, encoded("TIFF"), encoded("GIF"), encoded("ICO"), encoded("PDF"), b""])
def test_no_other_decoder_is_reached(data, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    with pytest.raises(UnidentifiedImageError):
        opened(data)


@pytest.mark.parametrize("width", [MAX_PIXELS // 1000 + 1, 2**31 - 1])
def test_a_small_file_of_too_many_pixels_is_not_decoded(width):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, 1000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    body = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(TooManyPixels, match="at most 64,000,000 pixels"):
        opened(b"\x89PNG\r\n\x1a\n" + chunk + body)
