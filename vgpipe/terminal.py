"""Writes text to stdout and stderr in whatever encoding they have."""

from __future__ import annotations

import sys
from typing import TextIO


def write(text: str) -> None:
    """Writes text to stdout; characters that its encoding lacks are escaped."""
    sys.stdout.write(_encodable(text, sys.stdout))


def write_line(text: str) -> None:
    """Writes one line to stdout, at once."""
    write(f"{text}\n")
    sys.stdout.flush()


def write_error(message: object) -> None:
    """Writes a message of vgpipe to stderr, a line of its own."""
    sys.stderr.write(_encodable(f"vgpipe: {message}\n", sys.stderr))


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
