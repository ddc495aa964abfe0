"""Computes the change of a whole weight from adapters that are no plain pair: LoKr, LoHa and DoRA.

LoKr (Kronecker products) and LoHa (Hadamard products) are of LyCORIS (Yeh et al. 2023, arXiv 2309.14859); DoRA scales
the changed weight's rows or columns to stored lengths (Liu et al. 2024, arXiv 2402.09353).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from vgpipe.models.weights.lora_names import Kind

if TYPE_CHECKING:
    import torch

CP = "ij...,jr,ip->pr..."


@dataclass(frozen=True, slots=True)
class Target:
    """A parameter that a part of a layer's change goes to.

    Attributes:
        parameter: of the denoiser.
        rows: first and last (exclusive) row of the change.
    """

    parameter: str
    rows: tuple[int, int]


def shape_of(shapes: Mapping[Kind, tuple[int, ...]]) -> tuple[int, int] | None:
    """Returns rows and columns of the change that a layer's tensors give; None where some are missing.

    Args:
        shapes: kind -> shape, of one layer's tensors.
    """
    if Kind.HADA_W1_A in shapes:
        halves = (Kind.HADA_W1_A, Kind.HADA_W1_B, Kind.HADA_W2_A, Kind.HADA_W2_B)
        if not set(halves) <= set(shapes):
            return None
        first, last = shapes[Kind.HADA_W1_A], shapes[Kind.HADA_W1_B]
        if Kind.HADA_T1 in shapes:
            return (first[1], last[1] * prod(shapes[Kind.HADA_T1][2:]))
        return (first[0], prod(last[1:]))
    if _is_lokr(shapes):
        one = _factor(shapes, Kind.LOKR_W1, Kind.LOKR_W1_A, Kind.LOKR_W1_B, None)
        two = _factor(shapes, Kind.LOKR_W2, Kind.LOKR_W2_A, Kind.LOKR_W2_B, Kind.LOKR_T2)
        return None if one is None or two is None else (one[0] * two[0], one[1] * two[1])
    if Kind.DOWN in shapes and Kind.UP in shapes:
        return (shapes[Kind.UP][0], prod(shapes[Kind.DOWN][1:]))
    return None


def _is_lokr(kinds: Mapping[Kind, object]) -> bool:
    return any(kind.startswith("lokr_") for kind in kinds)


def _factor(
    shapes: Mapping[Kind, tuple[int, ...]], whole: Kind, left: Kind, right: Kind, core: Kind | None
) -> tuple[int, int] | None:
    if whole in shapes:
        return shapes[whole][0], prod(shapes[whole][1:])
    if left not in shapes or right not in shapes:
        return None
    if core is not None and core in shapes:
        return shapes[left][1], shapes[right][1] * prod(shapes[core][2:])
    return shapes[left][0], prod(shapes[right][1:])


def change(tensors: Mapping[Kind, torch.Tensor], base: torch.Tensor, scale: float | None) -> torch.Tensor:
    """Returns what is added to a weight at full strength.

    Args:
        tensors: kind -> tensor, of one layer.
        base: the weight itself, (rows, columns), float32.
        scale: of an adapter without an alpha of its own; None is 1.

    Returns:
        (rows, columns), float32.
    """
    values = {kind: tensor.float() for kind, tensor in tensors.items()}
    delta = (_product(values) * _scale(values, scale)).reshape(base.shape)
    length = values.get(Kind.DORA, values.get(Kind.MAGNITUDE))
    if length is None:
        return delta
    changed = base + delta
    is_by_column = Kind.DORA in values and length.shape[0] == 1 and base.shape[0] != 1
    norm = changed.norm(dim=0, keepdim=True) if is_by_column else changed.norm(dim=1, keepdim=True)
    return changed * (length.reshape(norm.shape) / norm) - base


def _product(values: Mapping[Kind, torch.Tensor]) -> torch.Tensor:
    import torch

    if Kind.HADA_W1_A in values:
        one = _built(values, Kind.HADA_W1_A, Kind.HADA_W1_B, Kind.HADA_T1)
        return one * _built(values, Kind.HADA_W2_A, Kind.HADA_W2_B, Kind.HADA_T2)
    if not _is_lokr(values):
        return values[Kind.UP].flatten(1) @ values[Kind.DOWN].flatten(1)
    one = values[Kind.LOKR_W1] if Kind.LOKR_W1 in values else _built(values, Kind.LOKR_W1_A, Kind.LOKR_W1_B, None)
    if Kind.LOKR_W2 in values:
        two = values[Kind.LOKR_W2]
    else:
        two = _built(values, Kind.LOKR_W2_A, Kind.LOKR_W2_B, Kind.LOKR_T2)
    return torch.kron(one.reshape(*one.shape, *[1] * (two.ndim - one.ndim)), two)


def _built(values: Mapping[Kind, torch.Tensor], left: Kind, right: Kind, core: Kind | None) -> torch.Tensor:
    import torch

    if core is not None and core in values:
        built: torch.Tensor = torch.einsum(CP, values[core], values[right], values[left])
        return built
    return values[left] @ values[right].flatten(1)


def _scale(values: Mapping[Kind, torch.Tensor], scale: float | None) -> float:
    """Returns alpha over the rank; an adapter of whole factors alone has no rank, and its alpha no meaning."""
    kind = next((one for one in (Kind.HADA_W1_B, Kind.LOKR_W1_B, Kind.LOKR_W2_B, Kind.DOWN) if one in values), None)
    if Kind.ALPHA not in values:
        return 1.0 if scale is None else scale
    return 1.0 if kind is None else float(values[Kind.ALPHA]) / values[kind].shape[0]
