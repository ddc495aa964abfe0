"""The parts of every schema: shared ranges, and the record that refuses unknown keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar, dataclass_transform

from pydantic import Field

T = TypeVar("T")

Side = Annotated[int, Field(ge=1, le=16384)]
FrameCount = Annotated[int, Field(ge=1, le=1_000_000)]
Fps = Annotated[float, Field(ge=0.1, le=240, allow_inf_nan=False)]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen keyword-only dataclass whose unknown keys pydantic refuses."""
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)
