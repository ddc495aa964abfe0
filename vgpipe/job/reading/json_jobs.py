"""Jobs as JSON: lines of texts and objects, or one document with a list of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.decoder import JSONDecoder
from typing import Self

from vgpipe.job.faults import Faults
from vgpipe.job.reading.nodes import MAX_DEPTH, Listing, Node, Scalar, Table

_BLANK = " \t\n\r"


def read_jsonl(text: str, faults: Faults) -> Listing:
    """Builds the list of prompts of a JSON-lines file: a text or an object a line; `null` means unset."""
    lines = enumerate(text.split("\n"), start=1)  # not splitlines(): it splits at U+2028, which a JSON text may hold
    items = [_json_line(number, line, faults) for number, line in lines if line.strip()]
    return Listing(1, [item for item in items if item is not None])


def read_json(text: str, faults: Faults) -> Node:
    """Builds the node tree of a JSON document; what is in its lists and objects has the line where each item starts.

    Args:
        text: the file's text.
        faults: where its faults are recorded.

    Raises:
        JobError: the text is not JSON.
    """
    document = _Document(text, faults)
    try:
        root = document.node()
        document.expect_end()
    except (ValueError, RecursionError) as error:
        faults.add(*_explained(error, text, document.line))
        raise faults.error() from None
    return root


class _Document:
    """Walks through the outer two levels of a document, so that each prompt has its line; the rest is parsed at once.

    Args:
        text: the file's text.
        faults: where faults are recorded.
    """

    def __init__(self, text: str, faults: Faults):
        self._text = text
        self._faults = faults
        self._decoder = JSONDecoder(object_pairs_hook=_Pairs, parse_float=_Typed)
        self._place = self._counted = 0
        self.line = 1

    def node(self, levels: int = 2) -> Node:
        """Returns the next value."""
        mark, line = self._next(), self.line
        if levels and mark == "[":
            return Listing(line, [self.node(levels - 1) for _ in self._items("]")])
        if levels and mark == "{" and self._is_top_level():
            pairs = [self._pair(levels) for _ in self._items("}")]
            return Table(line, [(key, value) for key, value in pairs if not _is_unset(value)])
        value, self._place = self._decoder.raw_decode(self._text, self._place)
        return _node(value, line, 3 - levels, self._faults) or Scalar(line, None, "")

    def expect_end(self) -> None:
        """Raises ValueError where anything follows the document."""
        if self._next():
            raise json.JSONDecodeError("Extra data", self._text, self._place)

    def _is_top_level(self) -> bool:
        return not self._text[: self._place].strip(_BLANK)

    def _pair(self, levels: int) -> tuple[Node, Node]:
        self._next()
        key, line = self.node(0), self.line
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", self._text, self._place)
        self._take(":")
        return Scalar(line, key.value, key.text), self.node(levels - 1)

    def _items(self, end: str) -> Iterator[None]:
        """Steps from item to item, up to the closing bracket; the loop's body reads each."""
        self._place += 1
        if self._next() == end:
            self._place += 1
            return
        while True:
            yield
            if self._next() == end:
                self._place += 1
                return
            self._take(",")

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", self._text, self._place)
        self._place += 1

    def _next(self) -> str:
        """Skips blanks and returns the next character, "" at the end."""
        while self._place < len(self._text) and self._text[self._place] in _BLANK:
            self._place += 1
        self.line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._text[self._place : self._place + 1]


def _explained(error: Exception, text: str, line: int) -> tuple[int, str, str]:
    if isinstance(error, RecursionError):
        return line, f"lists and objects are nested more than {MAX_DEPTH} deep", "write a text or a flat object"
    if not isinstance(error, json.JSONDecodeError):
        return line, f"not valid JSON: {error}", "shorten the number"
    what = f"not valid JSON at column {error.colno}: {error.msg}"
    if error.msg == "Extra data" and text[: error.pos].strip(_BLANK):
        return error.lineno, what, "one value a line is a .jsonl file: rename it; or put all into a list [ ]"
    return error.lineno, what, "a list is written as [ ... ] with a comma between its items, a text in double quotes"


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
        faults.add(number, what, "write one JSON value on each line, or name a whole document .json")
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


def _is_unset(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _too_deep(line: int, faults: Faults) -> None:
    what = f"lists and objects are nested more than {MAX_DEPTH} deep"
    faults.add(line, what, "write a text or a flat object")
