"""Computes digests over everything that can change an artifact's bits."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vgpipe.outside_file import FLAGS
from vgpipe.units import MIB

CHUNK_BYTES = MIB
Mark = tuple[int, int, int]
"""What changes with a file: size in bytes, time of the last change in ns, inode."""


@dataclass(frozen=True, slots=True)
class Key:
    """The name of an artifact, and the inputs that it is made from.

    Attributes:
        stage: the stage that makes it; also its folder in the store.
        inputs: plain values (strings, numbers, lists, mappings) that can change its bits.
        digest: 64 hex digits over `stage` and `inputs`.
    """

    stage: str
    inputs: Mapping[str, Any]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of({"stage": self.stage, "inputs": self.inputs}))


def digest_of(value: Any) -> str:
    """Returns the SHA-256 of a plain value's canonical JSON, as 64 hex digits.

    Args:
        value: mappings with string keys, lists, strings, finite numbers, booleans and None.

    Raises:
        TypeError: for anything else, so that no object's address enters a digest.
        ValueError: for NaN and infinities.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, as 64 hex digits."""
    with _opened(path) as file:
        return _sha256(file)


def mark_if_holds(path: Path | str, size_bytes: int, sha256: str) -> Mark | None:
    """Returns the mark of a file that has this many bytes and this SHA-256; None for another, only read if it may be.

    Raises:
        OSError: where it cannot be read, or is no regular file.
    """
    with _opened(path) as file:
        mark = file.mark
        return mark if mark[0] == size_bytes and _sha256(file) == sha256 else None


def mark_of(path: Path | str) -> Mark:
    """Returns what changes with a file.

    Raises:
        OSError: where there is none.
    """
    return _mark(os.stat(path))


def small_file(path: Path | str, max_bytes: int) -> bytes:
    """Returns the bytes of a regular file.

    Raises:
        OSError: where it cannot be read, is no regular file, or is larger.
    """
    with _opened(path) as file:
        if file.mark[0] > max_bytes:
            raise OSError(f"{os.path.basename(path)} has {file.mark[0]:,} bytes")
        return b"".join(file.chunks())


class _opened:  # noqa: N801 (used as a function)
    """A regular file that is open for reading; the system's own calls, as a run may have tens of thousands of files."""

    __slots__ = ("_descriptor", "mark")

    def __init__(self, path: Path | str):
        self._descriptor = os.open(path, FLAGS)
        status = os.fstat(self._descriptor)
        self.mark = _mark(status)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            raise OSError(f"{os.path.basename(path)} is not a regular file")

    def __enter__(self) -> _opened:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)

    def chunks(self) -> Iterator[bytes]:
        """Yields its bytes."""
        # A buffer of the largest size would cost more than reading the small files of thousands of clips.
        size = min(CHUNK_BYTES, self.mark[0] + 1)
        while chunk := os.read(self._descriptor, size):
            yield chunk


def _mark(status: os.stat_result) -> Mark:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _sha256(file: _opened) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()
