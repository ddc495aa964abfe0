"""Tensors on disk: safetensors files, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError

if TYPE_CHECKING:
    import torch

LENGTH_BYTES = 8
"""Of a safetensors file, which begins with the length of its header."""
MAX_HEADER_BYTES = 100_000_000
"""As safetensors itself has it."""


def save(path: Path, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any] | None = None) -> None:
    """Writes tensors, and plain facts in the file's header.

    Args:
        path: where to.
        tensors: name -> tensor; any shape and dtype, moved to the CPU.
        facts: JSON-able values.

    Raises:
        OSError: where the file cannot be written.
    """
    from safetensors.torch import save as bytes_of

    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    # safetensors' own writer leaves a temporary file beside `path` where it is killed, which nobody knows to remove;
    # only the owner may read what it writes; and its errors have no number.
    path.write_bytes(bytes_of(whole, metadata={"facts": json.dumps(facts or {})}))


def load(data: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Reads what `save` wrote.

    Args:
        data: the whole file. Tensors that are mapped from a file change with it, and end the process where it is cut.

    Returns:
        The tensors on the CPU, and the facts.

    Raises:
        ValueError: where it is damaged.
    """
    from safetensors.torch import load as load_tensors

    try:
        tensors = load_tensors(data)
        header = data[LENGTH_BYTES : LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")]
        return tensors, _facts(header)
    except (SafetensorError, AssertionError, KeyError, RuntimeError) as error:  # a RecursionError is the last
        raise ValueError(str(error)) from error


def facts_of(file: BinaryIO) -> dict[str, Any]:
    """Returns the facts of a file that `save` wrote; leaves its tensors unread.

    Raises:
        ValueError: where its header is damaged.
        OSError: where it cannot be read.
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header has {length:,} bytes")
    return _facts(file.read(length))


def _facts(header: bytes) -> dict[str, Any]:
    try:
        return json.loads((json.loads(header).get("__metadata__") or {}).get("facts", "{}"))
    except (AttributeError, TypeError) as error:
        raise ValueError(f"its header is damaged: {error}") from error
