"""Finds seeds that a spreadsheet has rounded: another seed is another video."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vgpipe.job.declared import spellings
from vgpipe.job.faults import Faults, format_text
from vgpipe.job.reading.nodes import Listing, Node, Scalar

SEEDS = spellings("seed")
REMEDY = "write all of its digits; in a spreadsheet, format the column as text before you enter it"
OF_OTHER_TOOLS = -1
"""Draws a seed in other tools."""
EXACT_BELOW = 2**53
"""Every whole number up to this is a floating-point number."""
KEPT_DIGITS, SHOWN_DIGITS, MIN_ROUNDED = 15, 6, 10**11
"""A spreadsheet keeps 15 digits, and shows 6 of a number from 12 digits on."""

_EXPONENT = re.compile(r"\s*[-+]?[0-9]*[.,]?[0-9]+[.,]?[eE][-+]?[0-9]+\s*")


def check_seeds(fields: Mapping[str, Node], faults: Faults) -> None:
    """Records the seeds that have lost digits, and notes those that look like it.

    Args:
        fields: of an entry, the defaults or another mapping.
        faults: where the faults and notes are recorded.
    """
    for name in SEEDS:
        node = fields.get(name)
        for scalar in _scalars(node) if node is not None else ():
            what = rounded(scalar.value, scalar.text)
            if what:
                faults.add(scalar.line, f"{name} is {format_text(scalar.text)}: {what}", REMEDY)
            elif isinstance(scalar.value, int) and looks_rounded(scalar.value):
                faults.note(scalar.line, f"the seed {scalar.value} ends in zeros: check that no spreadsheet rounded it")


def rounded(value: object, text: str) -> str:
    """Returns why a seed cannot be the one that was meant; "" for any other value.

    Args:
        value: as it was read.
        text: as it was typed.
    """
    if _EXPONENT.fullmatch(text):
        return "a spreadsheet has rounded it"
    if not isinstance(value, float) or not value.is_integer() or abs(value) < MIN_ROUNDED:
        return ""
    if abs(value) >= EXACT_BELOW:
        return "a floating-point number of this size has lost digits"
    return "a spreadsheet has rounded it" if looks_rounded(int(value)) else ""


def looks_rounded(seed: int) -> bool:
    """Returns whether only as many digits are not zero as a spreadsheet keeps or shows of a number of this size."""
    digits = str(seed) if MIN_ROUNDED <= seed < 10**30 else ""
    significant = len(digits.rstrip("0"))
    return bool(digits) and (significant <= SHOWN_DIGITS or significant <= KEPT_DIGITS < len(digits))


def _scalars(node: Node) -> Iterator[Scalar]:
    for item in node.items if isinstance(node, Listing) else (node,):
        if isinstance(item, Scalar):
            yield item
