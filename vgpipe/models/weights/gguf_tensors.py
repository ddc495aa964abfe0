"""Reads a GGUF file whole, every tensor unpacked: for classes that only a library's own reader would take it for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.models.checkpoint.gguf_files import GgufTensor, gguf_layout

if TYPE_CHECKING:
    import numpy as np
    import torch


def read(path: Path, dtype_of: Callable[[str], torch.dtype]) -> dict[str, torch.Tensor]:
    """Reads a GGUF file, unpacked in float32 and rounded once.

    Args:
        path: the file; its header was checked.
        dtype_of: name -> torch dtype that a tensor is wanted in.

    Returns:
        Name -> tensor, in RAM, on the CPU.

    Raises:
        ValueError: where the file ends early, or holds a type that the package `gguf` does not unpack.
    """
    import numpy as np
    import torch

    mapped = np.memmap(path, mode="r")
    return {
        name: torch.from_numpy(_unpacked(mapped, one, name)).to(dtype_of(name))
        for name, one in gguf_layout(path).items()
    }


def _unpacked(mapped: np.ndarray, tensor: GgufTensor, name: str) -> np.ndarray:
    import gguf
    import numpy as np

    try:
        kind = gguf.GGMLQuantizationType(tensor.kind)
        block, size = gguf.GGML_QUANT_SIZES[kind]
    except (ValueError, KeyError):
        raise ValueError(f"{name} is of the type {tensor.kind}, which is not read") from None
    count = int(np.prod(tensor.shape, dtype=np.int64))
    stored = mapped[tensor.offset : tensor.offset + count // block * size]
    if len(stored) != count // block * size:
        raise ValueError(f"it ends within {name}")
    unpacked: np.ndarray = gguf.dequantize(np.array(stored), kind)
    return unpacked.astype(np.float32, copy=False).reshape(tensor.shape)
