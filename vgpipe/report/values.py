"""Reads values from untrusted records: a value of the wrong type becomes None."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 20_000
MAX_INT = 2**64
MAX_ITEMS = 500


def text_of(value: object) -> str | None:
    """Returns a text, truncated to what a page can show; None for anything else."""
    if not isinstance(value, str):
        return None
    return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "..."


def int_of(value: object) -> int | None:
    """Returns an int of at most 64 bits; None for anything else, booleans included."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return value if is_int and -MAX_INT < value < MAX_INT else None  # type: ignore[operator, return-value]


def float_of(value: object) -> float | None:
    """Returns a finite number; None for anything else."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    whole = int_of(value)
    return None if whole is None else float(whole)


def table_of(value: object) -> Mapping[str, Any]:
    """Returns a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Returns the first items of a list; an empty one for anything else."""
    return value[:MAX_ITEMS] if isinstance(value, list) else []


def seconds_of(value: object) -> dict[str, float]:
    """Returns stage -> seconds, of the stages that have a non-negative number."""
    found = {str(stage)[:40]: float_of(seconds) for stage, seconds in list(table_of(value).items())[:20]}
    return {stage: round(seconds, 4) for stage, seconds in found.items() if seconds is not None and seconds >= 0}
