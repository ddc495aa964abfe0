"""The order of names as people count: `cpu-2` before `cpu-10`."""

from __future__ import annotations

import re


def natural_order(name: str) -> list[tuple[int, str]]:
    """Returns what sorts a name by its text and by the numbers in it."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]{1,18})", name)]
