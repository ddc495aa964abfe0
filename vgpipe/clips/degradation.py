"""What a run did that the user did not ask for."""

from __future__ import annotations

from dataclasses import dataclass

EXPORTER, MODEL, SIZE = "exporter", "model", "size"


@dataclass(frozen=True, slots=True)
class Degradation:
    """Something the user did not ask for, done so that a clip could finish.

    Attributes:
        kind: `model`, `dtype`, `variant`, `vae_tiling`, `weights`, `size` or `exporter`.
        asked: what the user asked for, or what vgpipe would have taken first.
        got: what it took.
        reason: why.
        stage: the only stage that it holds for; None for all.
    """

    kind: str
    asked: str
    got: str
    reason: str
    stage: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.got} in place of {self.asked} ({self.reason})"
