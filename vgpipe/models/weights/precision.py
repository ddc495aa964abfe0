"""Which precision and which weight files a model is loaded in."""

from __future__ import annotations

from collections.abc import Sequence

AUTO = "auto"
RANGE_ORDER = ("float16", "bfloat16", "float32")
FP16_VARIANT = "fp16"


def dtypes_to_try(wanted: str, safe: Sequence[str], supported: Sequence[str]) -> list[str]:
    """Returns the precisions to load in, the first one first.

    Args:
        wanted: `auto`, or the precision that the user asked for, which is then the only one.
        safe: precisions that the model is known to work in, best first.
        supported: precisions whose arithmetic the device does soundly.

    Returns:
        At least one: for `auto` the first safe one that is supported, and those of them with more range or digits;
        float32, which every device does, where none is supported.
    """
    if wanted != AUTO:
        return [wanted]
    first, *others = [dtype for dtype in safe if dtype in supported] or ["float32"]
    wider = [dtype for dtype in others if RANGE_ORDER.index(dtype) > RANGE_ORDER.index(first)]
    return [first, *sorted(wider, key=RANGE_ORDER.index)]


def variant_for(wanted: str | None, dtype: str) -> str | None:
    """Turns `model.variant` into a variant: files of halved size only where the arithmetic has no more digits.

    Args:
        wanted: `auto`, a variant's name, or None for the plain files.
        dtype: precision that the weights are loaded in.
    """
    if wanted != AUTO:
        return wanted
    return FP16_VARIANT if dtype == "float16" else None
