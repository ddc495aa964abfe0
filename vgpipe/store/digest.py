"""Computes digests over everything that can change an artifact's bits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from vgpipe.units import MIB

CHUNK_BYTES = MIB


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
    with open(path, "rb", buffering=0) as file:
        return _sha256(file)


def holds(path: Path | str, size_bytes: int, sha256: str) -> bool:
    """Says whether a file has this many bytes and this SHA-256; reads it only where the first is so.

    Raises:
        OSError: where it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        return os.fstat(file.fileno()).st_size == size_bytes and _sha256(file) == sha256


def _sha256(file: FileIO) -> str:
    digest = hashlib.sha256()
    # A buffer of the largest size would cost more than reading the small files of thousands of clips.
    chunk_bytes = min(CHUNK_BYTES, os.fstat(file.fileno()).st_size + 1)
    while chunk := file.read(chunk_bytes):
        digest.update(chunk)
    return digest.hexdigest()
