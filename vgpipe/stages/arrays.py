"""Arrays on disk: NumPy's own files, written so that a disk that takes no more is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def save(path: Path, array: np.ndarray) -> None:
    """Writes an array; the bytes are those of `numpy.save`.

    That function copies the data by C's streams: where the disk is full it raises an error without a number, and where
    the last few kilobytes do not fit, none at all.

    Args:
        path: where to.
        array: of any shape; not of objects.

    Raises:
        OSError: where it cannot be written completely.
    """
    import numpy as np

    whole = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
        file.write(whole.data if whole.size else b"")
