"""Reads clips.jsonl: the newest line of each clip, and the lines that are not as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from vgpipe.outside_file import OutsideFileError, Refusal, open_outside
from vgpipe.store.seal import KEY, Seal, seal_of
from vgpipe.units import MIB

MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_LINES = 512 * MIB, 4 * MIB, 1_000_000
"""A hundred thousand clips stay below, and each of them may have a very long prompt."""
SHOWN = 60


@dataclass(frozen=True, slots=True)
class ClipLine:
    """A line of clips.jsonl.

    Attributes:
        number: from 1.
        clip: the id that it names; "" where it names none.
        record: what it says, of any types; empty where it is no JSON object, as one that a crash cut off.
        seal: whether it is as it was written.
        start: its first characters, of a line that names no clip.
    """

    number: int
    clip: str
    record: dict[str, Any]
    seal: Seal
    start: str = ""


@dataclass(frozen=True, slots=True)
class ClipLines:
    """What clips.jsonl holds.

    Attributes:
        newest: clip id -> its last line that can be trusted, in job order.
        damaged: the lines that cannot, in order: no JSON, or not what their checksum says.
        is_sealed: whether the lines have checksums; those of older versions have none.
    """

    newest: dict[str, ClipLine]
    damaged: tuple[ClipLine, ...]
    is_sealed: bool

    def shown(self) -> list[ClipLine]:
        """Returns the line that tells of each clip, for a reader who only looks: a damaged one where it is the last."""
        found = dict(self.newest)
        for line in self.damaged:
            if line.clip and (line.clip not in found or found[line.clip].number < line.number):
                found[line.clip] = line
        return list(found.values())


def read_clip_lines(path: Path, *, must_be_sealed: bool = False) -> ClipLines:
    """Reads the lines of a run's clips.

    Args:
        path: of clips.jsonl.
        must_be_sealed: whether a line without a checksum is damaged even where no line has one.

    Raises:
        OutsideFileError: where it is missing, no regular file, too large or cannot be read.
    """
    with open_outside(path, max_bytes=MAX_FILE_BYTES) as file:
        texts = enumerate(islice(_texts(file), MAX_LINES + 1), start=1)
        lines = [_parsed(number, text) for number, text in texts if text.strip()]
    if len(lines) > MAX_LINES:
        raise OutsideFileError(Refusal.TOO_LARGE, f"at most {MAX_LINES:,} lines are read")
    is_sealed = must_be_sealed or any(line.seal is not Seal.NONE for line in lines)
    wanted = Seal.WHOLE if is_sealed else Seal.NONE
    newest: dict[str, ClipLine] = {}
    for line in lines:
        if line.clip and line.seal is wanted:
            newest[line.clip] = line
    damaged = tuple(line for line in lines if not line.clip or line.seal is not wanted)
    return ClipLines(newest, damaged, is_sealed)


def _texts(file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines, each with its end; of one that is too long to be a clip's, only the beginning."""
    while text := file.readline(MAX_LINE_BYTES):
        yield text
        while len(text) == MAX_LINE_BYTES and not text.endswith(b"\n"):
            text = file.readline(MAX_LINE_BYTES)


def _parsed(number: int, text: bytes) -> ClipLine:
    record = _object(text)
    clip = record.get("clip")
    record.pop(KEY, None)
    if isinstance(clip, str) and clip:
        return ClipLine(number, clip, record, seal_of(text))
    return ClipLine(number, "", record, seal_of(text), text[: 4 * SHOWN].decode("utf-8", "replace").rstrip()[:SHOWN])


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the latter: nested deeper than any record
        return {}
    return value if isinstance(value, dict) else {}
