"""Lines of JSON in a run's files: how they are written, appended and read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vgpipe.errors import StoreError
from vgpipe.store.durable import open_to_append
from vgpipe.store.seal import sealed

CLIPS_SCHEMA = 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


def line_of(record: Mapping[str, Any]) -> bytes:
    """Returns a record as one line of JSON."""
    text = _ENCODER.encode(record)
    # Readers that split at every Unicode line end would split a prompt that contains one.
    escaped = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
    return escaped.encode() + b"\n"


def clip_line(record: Mapping[str, Any]) -> bytes:
    """Returns a line of clips.jsonl, with its checksum."""
    return sealed(line_of({"schema": CLIPS_SCHEMA, **record})) + b"\n"


def object_in(line: str) -> dict[str, Any] | None:
    """Returns the JSON object that a line holds; None where it holds none, as one that a crash cut off."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # the latter: nested deeper than any record
        return None
    return value if isinstance(value, dict) else None


def append_line(path: Path, line: bytes, *, flush_to_disk: bool) -> None:
    """Appends a line to a file, creating it.

    Args:
        path: of the file.
        line: with its line end.
        flush_to_disk: whether the line survives a power cut once this returns.

    Raises:
        StoreError: if the file cannot be written.
    """
    try:
        with open_to_append(path) as file:
            if file.tell() and not _ends_with_newline(path):
                line = b"\n" + line  # a crash cut off the last line: keep it apart
            file.write(line)
            if flush_to_disk:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
