"""The bytes of weights by stored precision, and what a layer needs in addition while it runs.

Sources: diffusers `hooks/layerwise_casting.py` (fp8), torchao `Int8Tensor` and `Int4Tensor` (int8, int4), bitsandbytes
`nn.Linear8bitLt` and `functional.quantize_4bit` (bnb_int8, nf4), diffusers `quantizers/gguf/utils.py` (gguf).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from vgpipe.memory.allocation import rounded_up
from vgpipe.planner.profile_records import Leaf
from vgpipe.vocabulary import BNB_INT8, FP8, GGUF, INT4, INT8, NATIVE, NF4

KEPT_BY_DEFAULT = ("pos_embed", "patch_embed", "norm", "^proj_in$", "^proj_out$")  # diffusers' layerwise casting
INT4_GROUP = 128  # weights that share a scale and a zero point: torchao's default
INT4_FEATURES = 1024  # its tiles on CUDA pad the input features to a multiple of this
NF4_GROUP = 64  # weights that share a float32 absmax: bitsandbytes' default, without double quantisation
GGUF_BITS = 4.5  # Q4_0: half a byte, and a float16 scale for every 32 weights; used if the file's size is unknown


@dataclass(frozen=True, slots=True)
class _Precision:
    """One stored precision of a layer's weight matrix.

    Attributes:
        kinds: layers that it can store.
        stored: leaf -> bytes of the matrix and its scales.
        working: leaf -> bytes that the layer needs while it runs, in addition to those in native precision.
    """

    kinds: tuple[str, ...]
    stored: Callable[[Leaf], int]
    working: Callable[[Leaf], int]


def _copy(leaf: Leaf) -> int:
    """Returns the bytes of the matrix in compute precision."""
    return rounded_up(leaf.elements * leaf.itemsize)


def _int8_working(leaf: Leaf) -> int:
    # The product uses a copy of the matrix in compute precision; scaling copies the product.
    return max(_copy(leaf), rounded_up(leaf.tokens * leaf.rows * leaf.itemsize))


def _filled(leaf: Leaf) -> int:
    """Returns the elements of a matrix that is padded to whole tiles."""
    features = -(-leaf.elements // max(leaf.rows, 1))
    return leaf.rows * (-(-features // INT4_FEATURES) * INT4_FEATURES)


def _bnb_int8_working(leaf: Leaf) -> int:
    # The input in int8, the product in int32 and in float16 are alive while that is converted to another precision.
    features = leaf.elements // max(leaf.rows, 1)
    return rounded_up(leaf.tokens * features) + rounded_up((4 + 2) * leaf.tokens * leaf.rows)


_PRECISIONS = {
    # After a layer has run, its matrix exists in both precisions for a moment.
    FP8: _Precision(("linear", "conv", "embedding"), lambda leaf: rounded_up(leaf.elements), _copy),
    INT8: _Precision(
        ("linear",), lambda leaf: rounded_up(leaf.elements) + rounded_up(4 * leaf.rows), working=_int8_working
    ),
    BNB_INT8: _Precision(
        ("linear",), lambda leaf: rounded_up(leaf.elements) + rounded_up(4 * leaf.rows), _bnb_int8_working
    ),
    # A scale and a zero point per group, in the precision that it computes in; the kernel unpacks in registers.
    INT4: _Precision(
        ("linear",),
        lambda leaf: rounded_up(_filled(leaf) / 2) + rounded_up(_filled(leaf) / INT4_GROUP * 2 * leaf.itemsize),
        working=lambda leaf: 0,
    ),
    NF4: _Precision(
        ("linear",), lambda leaf: rounded_up(leaf.elements / 2) + rounded_up(leaf.elements / NF4_GROUP * 4), _copy
    ),
    # Unpacking creates the numbers as bytes, twice, before it multiplies them by their scales.
    GGUF: _Precision(
        ("linear",),
        lambda leaf: rounded_up(leaf.elements * GGUF_BITS / 8),
        working=lambda leaf: _copy(leaf) + 2 * rounded_up(leaf.elements),
    ),
}


def is_kept(leaf: Leaf, storage: str, kept: tuple[str, ...] = ()) -> bool:
    """Returns whether a layer stays in native precision under `storage`.

    Args:
        leaf: the layer.
        storage: a `StoredPrecision`.
        kept: name patterns of layers that fp8 leaves in native precision, with everything below a match. Empty: those
            of diffusers for every class.
    """
    if storage == NATIVE or leaf.elements == 0 or leaf.kind not in _PRECISIONS[storage].kinds:
        return True
    return storage == FP8 and _is_named(leaf.name, kept or KEPT_BY_DEFAULT)


@cache
def _is_named(name: str, patterns: tuple[str, ...]) -> bool:
    """Returns whether a pattern matches a layer's name, or the name of a module around it."""
    steps = name.split(".")
    paths = [".".join(steps[: length + 1]) for length in range(len(steps))]
    return any(re.search(pattern, path) for pattern in patterns for path in paths)


def stored_bytes(leaf: Leaf, storage: str, kept: tuple[str, ...] = ()) -> int:
    """Returns the bytes of a layer's own weights as stored, each tensor rounded up as an allocation.

    Args:
        leaf: the layer.
        storage: a `StoredPrecision`.
        kept: see `is_kept`.
    """
    if is_kept(leaf, storage, kept):
        return leaf.weight_bytes
    bias = max(leaf.weight_bytes - _copy(leaf), 0)
    if storage == FP8:  # casts a whole layer, its bias included
        bias = rounded_up(bias / leaf.itemsize) if bias else 0
    return _PRECISIONS[storage].stored(leaf) + bias


def working_bytes(leaf: Leaf, storage: str, kept: tuple[str, ...] = ()) -> int:
    """Returns what a layer needs while it runs, in addition to its stored weights and its native activations.

    Args:
        leaf: the layer.
        storage: a `StoredPrecision`.
        kept: see `is_kept`.
    """
    return 0 if is_kept(leaf, storage, kept) else _PRECISIONS[storage].working(leaf)


def share_of_native(storage: str, itemsize: int = 2) -> float:
    """Returns stored bytes per native byte of a large linear layer; for components whose layers are not known.

    Args:
        storage: a `StoredPrecision`.
        itemsize: bytes an element in native precision.
    """
    if storage == NATIVE:
        return 1.0
    elements, rows = 1 << 24, 1 << 12
    leaf = Leaf(
        name="layer",
        kind="linear",
        weight_bytes=elements * itemsize,
        elements=elements,
        rows=rows,
        itemsize=itemsize,
        peak_bytes=0,
    )
    return stored_bytes(leaf, storage) / leaf.weight_bytes


def is_bound_to_device(storage: str) -> bool:
    """Returns whether weights in a precision cannot leave the device: bitsandbytes does not move 8-bit modules."""
    return storage == BNB_INT8


def can_wait_in_files(storage: str) -> bool:
    """Returns whether diffusers can write weights to files: not the tensors of torchao or bitsandbytes."""
    return storage not in (INT8, INT4, BNB_INT8, NF4)


def can_go_piecewise(storage: str) -> bool:
    """Returns whether blocks or leaves can be moved one by one: bitsandbytes binds its weights to their module."""
    return storage not in (BNB_INT8, NF4)
