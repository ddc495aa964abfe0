"""What a check is: frames in, one number out, and a sentence where the number passes its limit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView


class Bad(Enum):
    """On which side of its limit a number is bad."""

    ABOVE = "above"
    BELOW = "below"

    def beyond(self, number: float, limit: float) -> bool:
        """Returns whether a number is on that side; the limit itself is good."""
        return number > limit if self is Bad.ABOVE else number < limit


@dataclass(frozen=True, slots=True)
class Expected:
    """The size of the clip that was asked for: pixels and frames."""

    width: int
    height: int
    num_frames: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a clip before its first frame.

    Attributes:
        fps: frames per second.
        size: what was asked for; None where that is not known.
    """

    fps: float
    size: Expected | None


class Check(Protocol):
    """Measures the frames of one clip as they are added.

    Modules of checks import numpy in functions alone: judging what was measured needs none.

    Attributes:
        name: its key in the numbers, and in the config group `checks`.
        bad: on which side of the limit a number is bad.
        expects_motion: whether it is left out where the prompt asks for a still picture.
    """

    name: ClassVar[str]
    bad: ClassVar[Bad]
    expects_motion: ClassVar[bool]

    def __init__(self, wanted: Wanted) -> None: ...

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""

    def number(self) -> float | None:
        """Returns what was measured; None where the clip is too short to say."""

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is on the bad side of its limit."""


class Limit(Protocol):
    """How the numbers of one check are judged: a value of the config group `checks`."""

    @property
    def limit(self) -> float:
        """The last good number."""

    @property
    def action(self) -> Literal["fail", "warn"]:
        """What a number beyond it does."""

    @property
    def canary(self) -> bool:
        """Whether clips with few denoising steps are judged as well."""
