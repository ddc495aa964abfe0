"""What a judge is: the measurements of one preview in, one number out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DIGITS = 6


class Needs(Enum):
    """What the measurements of a judge are taken with, and therefore after which stage."""

    DENOISER = "denoiser"
    """The clip's own model, right after its preview was denoised, while it is loaded."""
    FRAMES = "frames"
    """What was measured of the decoded preview."""
    OWN_MODEL = "own model"
    """The decoded preview, and a model that the user names by `judge.id`."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What the rest of vgpipe knows of a judge; how it scores is in the file of its name.

    Attributes:
        name: as in `judge.name`.
        needs: what its measurements are taken with.
        version: part of the store key of its scores: goes up where the same preview would get another number.
    """

    name: str
    needs: Needs
    version: int


@dataclass(frozen=True, slots=True)
class Score:
    """What a judge says of a preview.

    Attributes:
        judge: its name.
        number: higher is better; comparable between clips of one prompt, model and step.
    """

    judge: str
    number: float
