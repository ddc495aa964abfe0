"""Converts a recipe to a text that every container can hold, one short line of ASCII, and back.

The text is JSON with the schema number under `vgpipe`, compressed if it would be too long.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

VERSION = 1
"""Part of the store key of a file with a recipe: goes up where the same recipe is written as another text."""
MAX_BYTES = 60_000  # QuickTime's strings and JPEG's comments end at 65,535
MAX_PLAIN_BYTES = 4 << 20
SCHEMA, PACKED, TOO_LARGE = "vgpipe", "zlib", "too_large"
KEPT = (SCHEMA, "latents")


def to_text(recipe: Mapping[str, Any]) -> str:
    """Returns a recipe as one line of ASCII.

    Args:
        recipe: of JSON types; under `vgpipe` the schema number, at least 1.

    Returns:
        At most `MAX_BYTES`. If the recipe does not fit compressed either: its `vgpipe` and `latents` only, and the size
        of its JSON under `too_large`.

    Raises:
        ValueError: if it has no schema number, without which it could not be read again.
    """
    _raise_unless_numbered(recipe)
    plain = _json(recipe)
    if len(plain) <= MAX_BYTES and PACKED not in recipe:
        return plain
    if len(plain) <= MAX_PLAIN_BYTES:
        packed = base64.b64encode(zlib.compress(plain.encode(), 9)).decode()
        text = _json({SCHEMA: recipe[SCHEMA], PACKED: packed})
        if len(text) <= MAX_BYTES:
            return text
    return _stub(recipe, len(plain))


def from_text(text: str) -> dict[str, Any]:
    """Returns the recipe in a text, which may come from anyone.

    Args:
        text: from `to_text`, or any other.

    Raises:
        ValueError: if it holds none, with the reason.
    """
    found = _parsed(text)
    return _parsed(_unpacked(found[PACKED])) if PACKED in found else found


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _stub(recipe: Mapping[str, Any], size_bytes: int) -> str:
    stub = {key: recipe[key] for key in KEPT if key in recipe} | {TOO_LARGE: size_bytes}
    text = _json(stub)
    return text if len(text) <= MAX_BYTES else _json({SCHEMA: recipe[SCHEMA], TOO_LARGE: size_bytes})


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_PLAIN_BYTES:
        raise ValueError(f"it is longer than {MAX_PLAIN_BYTES:,} bytes")
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    _raise_unless_numbered(found)
    return found


def _raise_unless_numbered(recipe: Mapping[str, Any]) -> None:
    number = recipe.get(SCHEMA)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError("it has no schema number under `vgpipe`")


def _unpacked(packed: object) -> str:
    if not isinstance(packed, str):
        raise ValueError("its `zlib` is not a text")
    try:
        reader = zlib.decompressobj()
        plain = reader.decompress(base64.b64decode(packed, validate=True), MAX_PLAIN_BYTES)
        if reader.unconsumed_tail:
            raise ValueError(f"it is longer than {MAX_PLAIN_BYTES:,} bytes once unpacked")
        if not reader.eof:
            raise ValueError("its `zlib` is cut off")
        return plain.decode("ascii")
    except (zlib.error, UnicodeError) as error:
        raise ValueError(f"its `zlib` cannot be unpacked: {error}") from None
