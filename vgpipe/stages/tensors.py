"""Tensors on disk: safetensors files, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    import torch


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


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Reads what `save` wrote.

    Returns:
        The tensors on the CPU, and the facts.

    Raises:
        OSError: where the file is missing.
        ValueError: where it is damaged.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path}: {error}") from error
