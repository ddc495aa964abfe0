"""What validates a type, made once for each."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter


@cache
def adapter_of(hint: Any) -> TypeAdapter[Any]:
    """Returns what validates a record, or the type of one of its fields."""
    return TypeAdapter(hint)
