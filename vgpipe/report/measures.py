"""Numbers computed from a clip's frames, and their meaning."""

from __future__ import annotations

from vgpipe.report.values import float_of, table_of

MEASURES = {
    "sharpness": "Variance of the Laplacian of the luma; higher is sharper, and noise counts too.",
    "motion": "Mean absolute difference between neighbouring frames; higher is more motion, and noise counts too.",
    "contrast": "Standard deviation of the luma; higher is more contrast.",
    "flicker": "Standard deviation over time of the frames' mean luma, its trend removed; lower is steadier.",
}
"""Name -> meaning. None is learned, or a judgement of quality."""


def measures_of(value: object) -> dict[str, float]:
    """Returns the measures of a record that are numbers.

    Args:
        value: the record's `measures`, unchecked.
    """
    found = {name: float_of(table_of(value).get(name)) for name in MEASURES}
    return {name: float(f"{number:.6g}") for name, number in found.items() if number is not None}
