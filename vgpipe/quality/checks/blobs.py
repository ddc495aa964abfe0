"""blobs: patches of unrelated colours as large as latent pixels, which is what a VAE makes of noise."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView

EVERY = 4
LEAST_COLOUR = 12.0
"""Standard deviation of colour differences over the cells; what varies less has no patches of colour."""
PLAIN, CELL = 2.0, 8
"""Standard deviation within 8 pixels of the thumb below which they count as plain."""
LEAST_CELLS = 8
"""On the short side of the frame. Cells of 8 pixels, 16, 32, ... are tried: latent pixels of known VAEs."""


class Blobs:
    """The largest of: how much neighbouring cells share their colour or brightness, for the size of cells that has the
    least; the share of plain cells; how much of the picture is found again four frames later, squared.

    A picture has one of these: a scene whose colours reach over several cells, a plain ground, or things that last.
    """

    name: ClassVar[str] = "blobs"
    bad: ClassVar[Bad] = Bad.BELOW
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._orders: list[float] = []
        self._lasting: list[float] = []
        self._earlier: np.ndarray | None = None

    def add(self, view: FrameView) -> None:
        """Measures the next frame; one of four is looked at."""
        if view.index % EVERY:
            return
        from vgpipe.quality import correlation

        self._orders.append(_order(view))
        if self._earlier is not None and self._earlier.shape == view.thumb_luma.shape:
            self._lasting.append(correlation.shifted_frames(view.thumb_luma, self._earlier))
        self._earlier = view.thumb_luma

    def number(self) -> float | None:
        """Returns a number of about 0 to 1; 1 where there is little colour; None without frames."""
        if not self._orders:
            return None
        return max(median(self._orders), median(self._lasting) ** 2 if self._lasting else 0.0)

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"the picture is patches of unrelated colours, as decoded noise is (order {number:.2f}; 1 is full)"


def _order(view: FrameView) -> float:
    from vgpipe.quality.frame_view import block_means

    orders, cells_PQC = [_shared(view.cells)], _halved(view.cells)
    while min(cells_PQC.shape[:2]) >= LEAST_CELLS:
        orders.append(_shared(cells_PQC))
        cells_PQC = _halved(cells_PQC)
    luma_HW1 = view.thumb_luma[..., None]
    grid = [max(1, side // CELL) for side in view.thumb_luma.shape]
    variance = block_means(luma_HW1**2, *grid) - block_means(luma_HW1, *grid) ** 2
    return max(min(orders), float((variance < PLAIN**2).mean()))


def _shared(cells_PQC: np.ndarray) -> float:
    """Returns the correlation of neighbouring cells in colour or brightness; 1 where there is little colour."""
    from vgpipe.quality import correlation

    red, green, blue = (cells_PQC[..., channel] for channel in range(3))
    colours = (red - green, blue - green)
    if sum(float(colour.std()) for colour in colours) / 2 < LEAST_COLOUR or min(red.shape) < 3:
        return 1.0
    return max(correlation.neighbours(green), sum(map(correlation.neighbours, colours)) / 2)


def _halved(cells_PQC: np.ndarray) -> np.ndarray:
    from vgpipe.quality.frame_view import block_means

    return block_means(cells_PQC, max(1, cells_PQC.shape[0] // 2), max(1, cells_PQC.shape[1] // 2))
