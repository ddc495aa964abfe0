"""Values that are no numbers, while frames still are floats: rounded to 8 bits they pass for black."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def non_finite_share(values: np.ndarray) -> float:
    """Returns the share of values that are NaN or infinite, 0 to 1; 0 of no values.

    Args:
        values: floats of any shape.
    """
    import numpy as np

    return 1.0 - float(np.isfinite(values).mean()) if values.size else 0.0
