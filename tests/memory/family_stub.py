from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FamilyStub:
    """A family whose parts are all stored in one precision."""

    precision: str = "native"

    def identity(self, part: str) -> Mapping[str, Any]:
        return {"part": part, "precision": self.precision}


FAMILY = FamilyStub()
