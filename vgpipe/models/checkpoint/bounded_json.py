"""Reads a checkpoint's JSON files, which a stranger may have written: so many bytes of a regular file, and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.outside_file import read_outside

MAX_BYTES = 8 << 20
"""The largest in use, an index of 30,000 tensors, has about 4 MB; as Python objects eight of them take 200 MB."""

REMEDY = "copy or download it again"


def read_json(path: Path) -> dict[str, Any]:
    """Returns the JSON object in a file.

    Args:
        path: a config, an index; not a tokenizer's vocabulary.

    Raises:
        ModelError: where it cannot be read, is too large or too deep, or holds no object.
    """
    try:
        value = json.loads(read_outside(path, max_bytes=MAX_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error}) -> {REMEDY}") from None
    except RecursionError:
        raise ModelError(f"{path}: its lists and objects are nested too deeply -> {REMEDY}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path}: is not a JSON object -> {REMEDY}")
    return value
