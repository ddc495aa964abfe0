"""noise: pixels that have nothing to do with their neighbours, nor with the frame before."""

from __future__ import annotations

from statistics import mean, median
from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView

EVERY = 4
LEAST_CONTRAST, LEAST_PATTERN_CONTRAST = 6.0, 3.0
"""Standard deviations of brightness: what varies less may be the noise of a sensor on a plain wall."""
LEAST_STEP = 0.4
"""By how much pixels two apart are more alike than neighbours in a pattern that a decoder makes of nothing."""


class Noise:
    """The largest of three correlations: of neighbouring pixels, of the frame before, and of that shifted.

    Grain over a picture leaves the first high, fine texture that moves the last. A pattern of single pixels over smooth
    colours (what a decoder with random weights draws) may stand still, so there only the first counts.
    """

    name: ClassVar[str] = "noise"
    bad: ClassVar[Bad] = Bad.BELOW
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._contrasts: list[float] = []
        self._near: list[float] = []
        self._far: list[float] = []
        self._over_time: list[float] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame; of four frames, the first two are looked at."""
        from vgpipe.quality import correlation

        place, before = view.index % EVERY, view.previous
        if place == 0:
            self._contrasts.append(float(view.patch.std()))
            self._near.append(correlation.neighbours(view.patch))
            self._far.append(correlation.neighbours(view.patch, 2))
        if place == 1 and before is not None and before.size == view.size:
            fixed = correlation.frames(view.patch, before.patch)
            self._over_time.append(max(fixed, correlation.shifted_frames(view.patch, before.patch)))

    def number(self) -> float | None:
        """Returns the correlation, about 0 to 1; 1 where the contrast is too small to say; None without frames."""
        if not self._near:
            return None
        contrast, near = median(self._contrasts), mean(self._near)
        if contrast >= LEAST_PATTERN_CONTRAST and mean(self._far) - near > LEAST_STEP:
            return near
        if contrast < LEAST_CONTRAST:
            return 1.0
        return max(near, median(self._over_time)) if self._over_time else near

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"the picture is noise (neighbouring pixels, and frames, agree by {number:.2f}; 1 is fully)"
