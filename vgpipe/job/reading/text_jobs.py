"""Jobs of one prompt a line: plain text and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Self

from vgpipe.job.faults import Faults
from vgpipe.job.reading.nodes import MAX_DEPTH, Listing, Node, Scalar, Table


def read_txt(text: str) -> Listing:
    """Builds the list of prompts of a text file; blank lines and lines that start with # are skipped."""
    lines = [(number, line.strip()) for number, line in _lines(text)]
    items: list[Node] = [Scalar(n, line, line) for n, line in lines if line and not line.startswith("#")]
    return Listing(1, items)


def read_jsonl(text: str, faults: Faults) -> Listing:
    """Builds the list of prompts of a JSON-lines file: a text or an object a line; `null` means unset."""
    items = [_json_line(number, line, faults) for number, line in _lines(text) if line.strip()]
    return Listing(1, [item for item in items if item is not None])


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not splitlines(): it also splits at U+2028, which a JSON text may hold.
    return enumerate(text.split("\n"), start=1)


class _Typed(float):
    """A JSON number with a point or an exponent, and how it was typed."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Keeps the text beside the number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class _Pairs(list[tuple[str, object]]):
    """A JSON object, its keys in the order written and perhaps there twice."""


def _json_line(number: int, line: str, faults: Faults) -> Node | None:
    try:
        value = json.loads(line, object_pairs_hook=_Pairs, parse_float=_Typed)
    except json.JSONDecodeError as error:
        what = f"not valid JSON at column {error.colno}: {error.msg}"
        faults.add(number, what, "write one JSON value on each line")
    except ValueError as error:
        faults.add(number, f"not valid JSON: {error}", "shorten the number")
    except RecursionError:
        _too_deep(number, faults)
    else:
        faults_before = len(faults)
        node = _node(value, number, 1, faults)
        return node if len(faults) == faults_before else None
    return None


def _node(value: object, line: int, depth: int, faults: Faults) -> Node | None:
    if depth > MAX_DEPTH:
        _too_deep(line, faults)
        return None
    if isinstance(value, _Pairs):
        pairs = [(key, _node(item, line, depth + 1, faults)) for key, item in value if item is not None]
        return Table(line, [(Scalar(line, key, key), item) for key, item in pairs if item is not None])
    if isinstance(value, list):
        items = [_node(item, line, depth + 1, faults) for item in value]
        return Listing(line, [item for item in items if item is not None])
    if isinstance(value, _Typed):
        return Scalar(line, float(value), value.text)
    if isinstance(value, str | int | float) or value is None:
        return Scalar(line, value, value if isinstance(value, str) else json.dumps(value))
    return None


def _too_deep(line: int, faults: Faults) -> None:
    what = f"lists and objects are nested more than {MAX_DEPTH} deep"
    faults.add(line, what, "write a text or a flat object")
