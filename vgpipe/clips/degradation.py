"""What a run did that the user did not ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vgpipe.models.base import Family

AUDIO, CACHE, EXPORTER, LORAS, MODEL, SIZE = "audio", "cache", "exporter", "loras", "model", "size"
CHECKS, SEED = "checks", "seed"
"""Of clips that a check failed: made with safer settings, or with another seed."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """Something the user did not ask for, done so that a clip could finish.

    Attributes:
        kind: `model`, `dtype`, `variant`, `vae_tiling`, `weights`, `cache`, `size`, `loras`, `audio`, `exporter`,
            `versions`, `checks` or `seed`.
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


def of_family(family: Family) -> tuple[Degradation, ...]:
    """Returns what a model's pipeline makes and vgpipe does not keep.

    Args:
        family: drives the model.
    """
    left_out = family.left_out()
    return (Degradation(AUDIO, "the pipeline's own", "no sound", left_out),) if left_out else ()
