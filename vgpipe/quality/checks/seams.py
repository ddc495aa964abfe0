"""seams: a grid of straight edges that stands still, where tiles of the VAE or patches of the denoiser do not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView

EVERY, BANDS, LEAST_SIDE, LEAST_LINES = 2, 4, 8, 2
MOST, FLOOR = 2.0, 1.0
"""A step counts at most so many times what is usual beside it; what is usual is at least 1 of 255."""


class Seams:
    """How much larger steps of brightness are on the lines of a square grid than beside them, in rows and in columns.

    Every grid from the frame's corner with lines 8 pixels apart or more is tried, of which at least two lines each way
    lie in the frame. Edges of things are rarely on all lines, reach over all of the frame, and lie on no other lines.
    """

    name: ClassVar[str] = "seams"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._steps: list[np.ndarray] = []
        self._count = 0

    def add(self, view: FrameView) -> None:
        """Measures the next frame; every second one is looked at."""
        if view.index % EVERY or min(view.size) < LEAST_SIDE * (LEAST_LINES + 1):
            return
        found = [_steps(view.lines(axis)) for axis in (0, 1)]
        if self._steps and [one.shape for one in self._steps] != [one.shape for one in found]:
            return
        self._steps = [before + now for before, now in zip(self._steps, found, strict=True)] if self._steps else found
        self._count += 1

    def number(self) -> float | None:
        """Returns 0 to 2: how many times larger the steps are; None where the frames are too small."""
        if not self._count:
            return None
        excess = [_excess(steps / self._count) for steps in self._steps]
        longest = min(one.shape[1] + 1 for one in excess) // (LEAST_LINES + 1)
        found = (min(_on_grid(one, side) for one in excess) for side in range(LEAST_SIDE, longest + 1))
        return max(0.0, max(found, default=0.0))

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return (
            f"a grid of seams is visible (brightness steps on its lines are {number:.1f} times larger than beside them)"
        )


def _steps(lines_NL: np.ndarray) -> np.ndarray:
    """Returns the mean step between neighbours along the lines, in bands of lines: (4, L - 1)."""
    import numpy as np

    steps_NL = np.abs(np.diff(lines_NL, axis=1))
    return np.stack([band.mean(0) for band in np.array_split(steps_NL, BANDS)])


def _excess(steps_BL: np.ndarray) -> np.ndarray:
    """Returns by how many times each step is larger than those beside it, at most 2, as the mean over bands: (1, L)."""
    import numpy as np

    padded = np.pad(steps_BL, ((0, 0), (1, 1)), mode="edge")
    beside = (padded[:, :-2] + padded[:, 2:]) / 2
    return np.clip((steps_BL - beside) / (beside + FLOOR), -MOST, MOST).mean(0, keepdims=True)


def _on_grid(excess_1L: np.ndarray, side: int) -> float:
    """Returns what half of a grid's lines reach, less what half of the strongest other lines reach, as far apart."""
    import numpy as np

    length = excess_1L.shape[1]
    lines = np.pad(excess_1L[0], (0, -length % side), constant_values=np.inf).reshape(-1, side)
    counts = length // side + (np.arange(side) < length % side)
    lines.sort(axis=0)
    places = np.where(counts > LEAST_LINES, counts // 2, 0)  # of two lines both must step
    sets = np.take_along_axis(lines, places[None], axis=0)[0]
    others = np.delete(sets, side - 1)  # the step before pixel `side` has the number `side - 1`
    return float(sets[side - 1] - max(0.0, others.max()))
