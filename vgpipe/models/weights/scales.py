"""Weights that are stored in 8 bits with a scale: multiplied by it as they are read.

A scale is one number for the whole weight, one for each output channel, or one for each block of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.file_parts import Part
from vgpipe.models.checkpoint.safetensors_files import TensorFacts
from vgpipe.models.checkpoint.tensor_names import FORMAT, is_beside_weights, scaled_weights

if TYPE_CHECKING:
    import torch

BLOCK = 128  # rows and columns of DeepSeek's blocks, the last of which may be cut; others divide the weight
FORMATS = ("float8_e4m3fn", "float8_e5m2", "int8_tensorwise")
FORMAT_KEYS = {"format", "full_precision_matrix_mult"}


class _Stored(NamedTuple):
    """A tensor in an open file."""

    file: Any
    name: str

    def tensor(self) -> torch.Tensor:
        found: torch.Tensor = self.file.get_tensor(self.name)
        return found

    def facts(self) -> TensorFacts:
        piece = self.file.get_slice(self.name)
        return TensorFacts(piece.get_dtype(), tuple(piece.get_shape()))


def read(
    paths: list[Path], dtype_of: Callable[[str], torch.dtype], part: Part | None = None
) -> dict[str, torch.Tensor]:
    """Reads weight files whole, with every scale applied and dropped.

    Args:
        paths: safetensors files of one component.
        dtype_of: name -> torch dtype that a floating-point tensor is wanted in.
        part: the part of a single file that is read; names are then without its prefix. None reads everything.

    Returns:
        Name -> tensor, in RAM, on the CPU. A scaled weight is its product with the scale, rounded once.

    Raises:
        ModelError: where a scale, or what describes it, is not understood.
    """
    from safetensors import safe_open

    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, framework="pt")) for path in paths]
        prefix = part.prefix if part else ""
        places = {
            name.removeprefix(prefix): _Stored(file, name)
            for file in files
            for name in file.keys()  # noqa: SIM118 (it is no mapping)
            if part is None or (name.startswith(prefix) and name.removeprefix(prefix) in part.tensors)
        }
        facts = {name: stored.facts() for name, stored in places.items()}
        scales = scaled_weights(facts)
        dropped = set(scales.values())
        tensors: dict[str, torch.Tensor] = {}
        for name, stored in places.items():
            if name.endswith(FORMAT):
                _refuse_unknown_format(name, stored.tensor())
            if name in dropped or is_beside_weights(name):
                continue
            tensor, dtype = stored.tensor(), dtype_of(name)
            if name in scales:
                tensors[name] = scaled(tensor, places[scales[name]].tensor(), name).to(dtype)
            elif tensor.is_floating_point():
                # A copy, so that the file does not stay mapped beside it.
                tensors[name] = tensor.to(dtype, copy=True)
            else:
                tensors[name] = tensor.clone()
    return tensors


def scaled(weight: torch.Tensor, scale: torch.Tensor, name: str) -> torch.Tensor:
    """Returns a weight times its scale, in float32.

    Args:
        weight: as stored, (out, ...).
        scale: one number, (out,), (out, 1), (rows, columns) of blocks, or (out, columns, 1).
        name: of the weight, for the message.

    Raises:
        ModelError: where the scale's shape is none of these.
    """
    factor = _spread(scale.float(), tuple(weight.shape))
    if factor is None:
        raise ModelError(
            f"{name} of {list(weight.shape)} has a scale of {list(scale.shape)}, which fits neither its channels nor "
            "blocks of it -> take another file of this model"
        )
    return weight.float() * factor


def _spread(scale: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor | None:
    """Returns a scale in a shape that broadcasts to that of its weight; None where it has none."""
    if scale.numel() == 1:
        return scale.reshape(())
    if not shape or scale.ndim > len(shape) + 1:
        return None
    divides = scale.ndim == len(shape) + 1 and scale.shape[-1] == 1  # musubi's blocks along each row
    if divides:
        scale = scale[..., 0]
    if scale.ndim == 1:
        scale = scale.reshape(-1, *[1] * (len(shape) - 1))
    if scale.ndim != len(shape):
        return None
    for axis, (have, want) in enumerate(zip(scale.shape, shape, strict=True)):
        if have in (1, want):
            continue
        by_block = not divides and -(-want // BLOCK) == have
        if not by_block and want % have:
            return None
        scale = scale.repeat_interleave(BLOCK if by_block else want // have, dim=axis).narrow(axis, 0, want)
    return scale


def _refuse_unknown_format(name: str, content: torch.Tensor) -> None:
    try:
        described: Any = json.loads(bytes(content.flatten().tolist()))
        known = described["format"] in FORMATS and set(described) <= FORMAT_KEYS
    except (ValueError, TypeError, KeyError):
        described, known = "no description", False
    if not known:
        raise ModelError(
            f"{name} says {json.dumps(described)[:120]}, a way of storing weights that is not read -> take a file in "
            f"{', '.join(FORMATS)}, or with weights that are not quantized"
        )


def names_of(tensors: dict[str, TensorFacts]) -> Iterator[str]:
    """Yields the names of the weights themselves, without scales and what else stands beside them."""
    dropped = set(scaled_weights(tensors).values())
    return (name for name in tensors if name not in dropped and not is_beside_weights(name))
