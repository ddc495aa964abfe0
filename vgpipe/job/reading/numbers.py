"""Numbers as spreadsheets write them for other countries: decimal commas, and marks between thousands."""

from __future__ import annotations

import re

from vgpipe.job.reading.nodes import Listing, Scalar
from vgpipe.job.reading.yaml_scalars import resolve

_GROUPS = re.compile(r"[-+]?\d{1,3}(?:(?P<mark>[,.'\u2019 \u00a0\u202f])\d{3})(?:(?P=mark)\d{3})*")
DECIMAL_COMMA = re.compile(r"[-+]?(?!\d{1,3}(?:,\d{3})+\Z)\d*,\d+(?:[eE][-+]?\d+)?")
"""A number with a decimal comma, other than `1,000`, which may be a thousand."""


def with_point(text: str) -> str:
    """Returns a number with a decimal comma as one with a point."""
    return text.replace(",", ".")


def advice(text: str) -> str:
    """Returns how to write a number that cannot be read as it is written; "" for any other text."""
    typed = text.strip()
    if DECIMAL_COMMA.fullmatch(typed):
        return f"write {with_point(typed)}, with a decimal point"
    groups = _GROUPS.fullmatch(typed)
    if groups is None:
        return ""
    whole = typed.replace(groups["mark"], "")
    is_ambiguous = groups["mark"] == "," and typed.count(",") == 1
    return f"write {whole}, or {with_point(typed)} if the comma is a decimal one" if is_ambiguous else f"write {whole}"


def listed(line: int, text: str) -> Listing:
    """Returns the numbers of a text, with blanks, commas or semicolons between them, as a list.

    Args:
        line: of the file.
        text: such as `4 8`, or `20%; 40%`.
    """
    parts = filter(None, re.split(r"[\s;,]+", text))
    return Listing(line, [Scalar(line, resolve(part), part) for part in parts])
