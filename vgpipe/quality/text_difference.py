"""How far the embeddings of two texts differ: those of a text encoder that works do, and are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NAME = "text_difference"


def text_difference(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> float | None:
    """Returns the largest difference of the embeddings of two texts that share no token, relative to their size.

    Positions that are zero in either are padding and say nothing; nor do masks, which tell lengths alone.

    Args:
        one: name -> embeddings, the last axis being that of their features.
        other: the same of another text.

    Returns:
        0 where they are the same, all zero, or not finite; None where there is nothing to compare.
    """
    found = [number for first, second in _pairs(one, other) if (number := _difference(first, second)) is not None]
    return max(found) if found else None


def says(_number: float) -> str:
    """Returns a sentence on a number that is too small."""
    return (
        "the text encoder gives the same for every text, zeros, or no numbers: no prompt can have an effect; its "
        "weights are damaged"
    )


def _pairs(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    import numpy as np

    for name in one.keys() & other.keys():
        first, second = one[name], other[name]
        if "mask" in name or not np.issubdtype(first.dtype, np.floating) or first.ndim < 2:
            continue
        if first.shape[-1] == second.shape[-1]:
            yield _positions(first), _positions(second)


def _positions(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def _difference(first: np.ndarray, second: np.ndarray) -> float | None:
    import numpy as np

    if not (np.isfinite(first).all() and np.isfinite(second).all()) or not (first.any() and second.any()):
        return 0.0
    length = min(len(first), len(second))
    first, second = first[:length], second[:length]
    is_text = first.any(axis=1) & second.any(axis=1)
    if not is_text.any():
        return None
    first, second = first[is_text], second[is_text]
    return float(np.abs(first - second).max() / max(np.abs(first).max(), np.abs(second).max()))
