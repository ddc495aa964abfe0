"""From YAML text to the node tree, by events: no recursion, no tags, and a budget for aliases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from vgpipe.job.faults import Faults, shown
from vgpipe.job.reading.nodes import MAX_DEPTH, MAX_NODES, Listing, Node, Scalar, Table
from vgpipe.job.reading.yaml_scalars import quoted, resolve

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")


def read_yaml(text: str, faults: Faults) -> Node:
    """Build the node tree of a YAML file.

    Args:
        text: the file's text.
        faults: where faults that leave the tree readable are noted.

    Returns:
        The root node; an alias gives the very node of its anchor.

    Raises:
        JobError: the text is not YAML, nests deeper than 16 levels or has more than 2 million nodes.
    """
    builder = _Builder(faults)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.YAMLError as error:
        line, what, remedy = explain(error, text)
        faults.add(line, what, remedy)
        raise faults.error() from None
    return builder.root or Scalar(1, None, "")


def _events(text: str) -> Iterator[Any]:
    yield from yaml.parse(text, Loader=_LOADER)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Listing | Table
    anchor: str | None
    nodes_before: int
    height: int = 1
    key: Node | None = None


@dataclass(frozen=True, slots=True)
class _Anchor:
    node: Node
    size: int
    height: int


class _Builder:
    """Turns events into nodes, with the open ones on a stack of its own."""

    def __init__(self, faults: Faults):
        self.root: Node | None = None
        self._faults = faults
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.SequenceStartEvent:
            self._start(event, Listing(event.start_mark.line + 1, []))
        elif kind is yaml.MappingStartEvent:
            self._start(event, Table(event.start_mark.line + 1, []))
        elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
            self._end()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent and self.root is not None:
            line = event.start_mark.line + 1
            self._stop(line, "a second document starts here", "keep one job in a file: remove the `---`")

    def _scalar(self, event: Any) -> None:
        line, text = event.start_mark.line + 1, event.value
        is_text = bool(event.style) or event.tag in _STRING_TAGS
        node = Scalar(line, text if is_text else resolve(text), text)
        self._check_tag(event, text)
        self._count(line, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(node, 1, 0)
        self._put(node, 0)

    def _start(self, event: Any, node: Listing | Table) -> None:
        self._check_tag(event, "")
        self._count(node.line, 1)
        self._check_depth(node.line, len(self._open) + 1)
        self._open.append(_Open(node, event.anchor, self._nodes - 1))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor is not None:
            self._anchors[done.anchor] = _Anchor(done.node, self._nodes - done.nodes_before, done.height)
        self._put(done.node, done.height)

    def _alias(self, event: Any) -> None:
        line, name = event.start_mark.line + 1, f"*{event.anchor}"
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            what = f"{shown(name)} refers to an anchor that is not complete before this line"
            self._faults.add(line, what, f"if it is text, quote it: {quoted(name)}")
            anchor = _Anchor(Scalar(line, name, name), 1, 0)
        self._count(line, anchor.size)
        self._check_depth(line, len(self._open) + anchor.height)
        self._put(anchor.node, anchor.height)

    def _put(self, node: Node, height: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.node, Listing):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            parent.node.pairs.append((parent.key, node))
            parent.key = None

    def _check_tag(self, event: Any, text: str) -> None:
        if event.tag is None or event.tag in _STRING_TAGS:
            return
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        remedy = f"remove it, or quote the text: {quoted(shown(f'{tag} {text}'.strip())[1:-1])}"
        self._faults.add(event.start_mark.line + 1, f"the YAML tag {shown(tag)} is not allowed", remedy)

    def _count(self, line: int, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            what = f"the file holds more than {MAX_NODES:,} values, its aliases written out"
            self._stop(line, what, "split it into several jobs")

    def _check_depth(self, line: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            what = f"lists and mappings are nested more than {MAX_DEPTH} deep here"
            self._stop(line, what, "a job needs five levels; if this is text, quote it")

    def _stop(self, line: int, what: str, remedy: str) -> None:
        self._faults.add(line, what, remedy)
        raise self._faults.error()


_QUOTE_WHOLE = "put the whole text in quotes"

# A part of the parser's words -> plain words, remedy, and whether the trouble began at the context.
_PLAIN: tuple[tuple[str, str, str, bool], ...] = (
    (
        "mapping values are not allowed",
        "this `: ` cannot stand here",
        "put a text that holds `: ` in quotes, or align the line with its neighbours",
        False,
    ),
    ("tab character", "a tab is used as indentation", "use spaces", False),
    ("end of stream", "the quote opened here is never closed", "close it", True),
    ("document indicator", "the quote opened here is never closed", "close it", True),
    ("expected ',' or", "a bracket opened here is not closed", f"close it, or {_QUOTE_WHOLE}", True),
    ("expected node content", "a value is missing here, or a bracket is not closed", "add it", False),
    ("escape", "this backslash starts no known escape", 'use single quotes, or write "\\\\"', False),
    ("hexdecimal", "this backslash starts no known escape", 'use single quotes, or write "\\\\"', False),
    ("alphabetic or numeric", "a text cannot start with & or * unquoted", _QUOTE_WHOLE, False),
    ("tag", "a text cannot start with ! or % unquoted", _QUOTE_WHOLE, False),
    ("unexpected ':'", "this `:` cannot stand here", "put a space after it, or quote the text", False),
    ("could not find expected ':'", "neither `key: value` nor a list's item", "check the lines above", False),
)


def explain(error: Any, text: str) -> tuple[int, str, str]:
    """Explain a syntax error of PyYAML's.

    Args:
        error: the `yaml.YAMLError` raised.
        text: the text that was parsed.

    Returns:
        The line (from 1), what is wrong with its column and the parser's reason, and a remedy.
    """
    if getattr(error, "problem_mark", None) is None:
        return _unreadable(error, text)
    problem, mark = str(error.problem or ""), error.problem_mark
    what, remedy, at_context = _plain_words(problem, _line_at(text, mark.line), mark.column)
    if at_context and error.context_mark is not None:
        mark = error.context_mark
    return mark.line + 1, f"not valid YAML at column {mark.column + 1}: {what} ({problem})", remedy


def _plain_words(problem: str, line: str, column: int) -> tuple[str, str, bool]:
    if "cannot start any token" in problem:
        return (*_bad_start(line, column), False)
    if "expected key" in problem or "'-' indicator" in problem:
        return (*_stray(line, column), False)
    for part, what, remedy, at_context in _PLAIN:
        if part in problem:
            return what, remedy, at_context
    return "the parser stopped here", _QUOTE_WHOLE, False


def _bad_start(line: str, column: int) -> tuple[str, str]:
    character = line[column : column + 1]
    if character == "\t" or "\t" in line[: column + 1]:
        return "a tab is used as indentation", "use spaces"
    return f"a text cannot start with {character} unquoted", _QUOTE_WHOLE


def _stray(line: str, column: int) -> tuple[str, str]:
    if line[:column].strip(" -"):
        return "text goes on after a closing quote or bracket", _QUOTE_WHOLE
    return "this line is not aligned with the ones above", "align it with its neighbours"


def _line_at(text: str, index: int) -> str:
    """Return a line by its index, without splitting the whole text for it."""
    start = 0
    for _ in range(index):
        start = text.find("\n", start) + 1
    return text[start : start + 2_000].partition("\n")[0]


def _unreadable(error: Any, text: str) -> tuple[int, str, str]:
    """Explain a character that no YAML file may hold."""
    character = getattr(error, "character", None)
    if not isinstance(character, int):
        return 1, f"not valid YAML: {' '.join(str(error).split())[:200]}", _QUOTE_WHOLE
    line = text.count("\n", 0, max(text.find(chr(character)), 0)) + 1
    return line, f"the character U+{character:04X} is not allowed", "remove it"
