"""Computes digests over everything that can change an artifact's bits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
