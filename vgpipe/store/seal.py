"""Checksums inside JSON texts: the last key of an object holds the SHA-256 of the bytes before it.

Whoever reads a sealed text sees whether a bit of it was changed, without parsing it first.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

KEY = "checksum"
_MARK, _END = f', "{KEY}": "'.encode(), b'"}'


class Seal(StrEnum):
    """Whether a text is as it was written."""

    WHOLE = "whole"
    BROKEN = "broken"
    NONE = "none"
    """It has no checksum: an older version wrote it, or the checksum itself is what was damaged."""


def sealed(text: bytes) -> bytes:
    """Returns the JSON text of an object, which has a key at least, with its checksum as one key more."""
    body = text.rstrip()[:-1].rstrip()  # without the closing brace
    return body + _MARK + hashlib.sha256(body).hexdigest().encode() + _END


def seal_of(text: bytes) -> Seal:
    """Says whether a text is as `sealed` returned it; white space after it does not count."""
    body, mark, rest = text.rpartition(_MARK)
    if not mark:
        return Seal.NONE
    expected = hashlib.sha256(body).hexdigest().encode() + _END
    return Seal.WHOLE if rest.rstrip() == expected else Seal.BROKEN
