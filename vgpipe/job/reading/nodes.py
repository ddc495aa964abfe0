"""The job file as a tree of nodes that remember their lines, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from vgpipe.job.faults import Faults, format_value, name_of_line

MAX_DEPTH = 16
MAX_NODES = 2_000_000


@dataclass(slots=True)
class Scalar:
    """A single value.

    Attributes:
        line: from 1.
        value: how the format reads it.
        text: what the user typed.
    """

    line: int
    value: str | int | float | bool | date | None
    text: str


@dataclass(slots=True)
class Listing:
    """A list of nodes, starting at a line."""

    line: int
    items: list[Node]


@dataclass(slots=True)
class Table:
    """A mapping in the order written, starting at a line; a key may still be there twice."""

    line: int
    pairs: list[tuple[Node, Node]]


Node: TypeAlias = "Scalar | Listing | Table"


def plain(node: Node) -> object:
    """Returns the node as plain Python values; keys that are not text are left out."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in text_pairs(node)}


def text_pairs(table: Table) -> list[tuple[str, Node]]:
    """Returns the pairs of a mapping whose key is text."""
    return [(key.value, value) for key, value in table.pairs if isinstance(key, Scalar) and isinstance(key.value, str)]


def fields_of(table: Table, faults: Faults) -> dict[str, Node]:
    """Returns a mapping's nodes by key, noting keys that are not text or are there twice."""
    fields: dict[str, Node] = {}
    for key, value in table.pairs:
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            as_read = format_value(key.value) if isinstance(key, Scalar) else "a list or mapping"
            text = key.text if isinstance(key, Scalar) else "..."
            faults.add(key.line, f"this key was read as {as_read}, not as text", f"quote it: {format_value(text)}")
        elif not key.value.isprintable():
            faults.add(key.line, f"the key {format_value(key.value)} holds an invalid character", "remove it")
        elif key.value in fields:
            first = name_of_line(faults.source, fields[key.value].line)
            faults.add(key.line, f"the key {format_value(key.value)} is already at {first}", "keep one of them")
        else:
            fields[key.value] = value
    return fields
