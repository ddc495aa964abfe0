"""`{name}` places in a prompt, filled from its matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

BAR = "|"
# `${...}` comes first: it is text to us, even where it holds braces of its own.
_PLACE = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}|\{\{|\}\}|\{(?P<name>[^{}]*)\}")


def places(text: str) -> tuple[str, ...]:
    """Returns the names in the `{name}` places of a text, each once, in order; `{a|b}` is none."""
    return tuple(name for name in _names(text) if BAR not in name)


def alternatives(text: str) -> tuple[str, ...]:
    """Returns what is in the braces of each `{a|b}` of a text, each once, in order."""
    return tuple(name for name in _names(text) if BAR in name)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m["name"].strip() for m in _PLACE.finditer(text) if m["name"] is not None))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fills the `{name}` places of a text.

    `{{` and `}}` become single braces; a single brace that belongs to no place, and `${...}`, stay.

    Args:
        text: the text as written.
        values: name -> what takes its place; what it holds is not looked at again.

    Returns:
        The text with every place filled.

    Raises:
        KeyError: a place names nothing in `values`.
    """
    return _PLACE.sub(lambda match: _filled(match, values), text) if "{" in text or "}" in text else text


def as_text(text: str) -> str:
    """Returns what `fill` makes of this text again; not of one with `${...}` that holds braces."""
    return text.replace("{", "{{").replace("}", "}}")


def longest_filled(text: str, matrix: Mapping[str, tuple[str, ...]]) -> int:
    """Returns the most characters that `fill` can make of a text, without making them.

    Args:
        text: the text as written.
        matrix: name -> the texts that may take its place; names it lacks count nothing.

    Returns:
        An upper bound of the length in characters.
    """
    longest = {name: max(map(len, values), default=0) for name, values in matrix.items()}
    names = (match["name"] for match in _PLACE.finditer(text))
    return len(text) + sum(longest.get(name.strip(), 0) for name in names if name is not None)


def combinations(matrix: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Yields every combination of the matrix, the last name changing fastest; one if it is empty."""
    for choice in product(*matrix.values()):
        yield dict(zip(matrix, choice, strict=True))


def count_combinations(matrix: Mapping[str, tuple[str, ...]]) -> int:
    """Counts the combinations without making them."""
    return prod(map(len, matrix.values()))


def _filled(match: re.Match[str], values: Mapping[str, str]) -> str:
    if match["name"] is not None:
        return values[match["name"].strip()]
    whole = match[0]
    return whole[0] if whole in ("{{", "}}") else whole
