"""From YAML text to the node tree, through PyYAML's own composer: no tags, a limit of depth, a budget for aliases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import Composer

from vgpipe.job.faults import Faults, format_text, format_value
from vgpipe.job.reading.nodes import MAX_DEPTH, MAX_NODES, Listing, Node, Scalar, Table
from vgpipe.job.reading.yaml_scalars import quoted, resolve

if TYPE_CHECKING:
    from yaml import SafeLoader as _Loader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser, where PyYAML was built with it

_PLAIN, _STRING = "", "tag:yaml.org,2002:str"
_TEXT_TAGS = ("!", _STRING)


def read_yaml(text: str, faults: Faults) -> Node:
    """Builds the node tree of a YAML file.

    Args:
        text: the file's text.
        faults: where faults that leave the tree readable are recorded.

    Returns:
        The root node; an alias gives the very node of its anchor.

    Raises:
        JobError: the text is not YAML, nests deeper than 16 levels or has more than 2 million nodes.
    """
    try:
        root = _JobComposer(text, faults).compose_only_document()
    except yaml.YAMLError as error:
        line, what, remedy = explain(error, text)
        faults.add(line, what, remedy)
        raise faults.error() from None
    return Scalar(1, None, "") if root is None else _Converter().node(root)


class _Converter:
    """Turns PyYAML's nodes into those that all job formats share."""

    def __init__(self) -> None:
        self._done: dict[int, Node] = {}

    def node(self, composed: yaml.Node) -> Node:
        """Returns the node of a composed one, the same one for an alias and its anchor."""
        found = self._done.get(id(composed))
        if found is None:
            found = self._done[id(composed)] = self._converted(composed)
        return found

    def _converted(self, composed: yaml.Node) -> Node:
        line = composed.start_mark.line + 1
        if isinstance(composed, yaml.SequenceNode):
            return Listing(line, [self.node(item) for item in composed.value])
        if isinstance(composed, yaml.MappingNode):
            return Table(line, [(self.node(key), self.node(value)) for key, value in composed.value])
        text = composed.value
        return Scalar(line, resolve(text) if composed.tag == _PLAIN else text, text)


@dataclass(frozen=True, slots=True)
class _Anchor:
    """What an alias of a complete node stands for: its nodes, and the levels below it."""

    size: int
    height: int


class _JobComposer(_Loader):
    """PyYAML's composer over its fast parser, which refuses tags, deep nesting and aliases that multiply.

    The composer of the C loader recurses in C, which text of a hundred thousand brackets would overflow; so the nodes
    are composed by the one written in Python.

    Args:
        text: the file's text.
        faults: where faults that leave the tree readable are recorded.
    """

    compose_sequence_node = Composer.compose_sequence_node
    compose_mapping_node = Composer.compose_mapping_node

    def __init__(self, text: str, faults: Faults):
        super().__init__(text)
        self.anchors: dict[str, yaml.Node] = {}
        self._faults = faults
        self._complete: dict[str, _Anchor] = {}
        self._nodes = self._depth = self._deepest = 0

    def compose_only_document(self) -> yaml.Node | None:
        """Returns the root node; None where the text holds nothing.

        Raises:
            JobError: there is more than one document, too deep a nesting or too many nodes.
            yaml.YAMLError: the text is not YAML.
        """
        self.get_event()
        if self.check_event(yaml.StreamEndEvent):
            return None
        self.get_event()
        root = self.compose_node(None, None)
        self.get_event()
        if not self.check_event(yaml.StreamEndEvent):
            line = self.peek_event().start_mark.line + 1
            self._stop(line, "a second document starts here", "keep one job in a file: remove the `---`")
        return root

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Composes the next node, or the one that an alias stands for."""
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self.get_event()
            return self._alias(line, event)
        self._check_tag(line, event)
        self._count(line, 1)
        if event.anchor is None and isinstance(event, yaml.ScalarEvent):
            return self.compose_scalar_node(None)
        return self._composed(event, line)

    def _composed(self, event: Any, line: int) -> yaml.Node:
        nodes_before, deepest_before = self._nodes - 1, self._deepest
        self._complete.pop(event.anchor, None)  # a later anchor of the same name replaces it
        height = 0
        if isinstance(event, yaml.ScalarEvent):
            node: yaml.Node = self.compose_scalar_node(event.anchor)
        else:
            self._enter(line)
            is_list = isinstance(event, yaml.SequenceStartEvent)
            node = (self.compose_sequence_node if is_list else self.compose_mapping_node)(event.anchor)
            height = self._deepest - self._depth + 1
            self._depth -= 1
            self._deepest = max(self._deepest, deepest_before)
        if event.anchor is not None:
            self._complete[event.anchor] = _Anchor(self._nodes - nodes_before, height)
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """Composes a scalar; its tag says whether it is a text or has to be resolved by its spelling."""
        event = self.get_event()
        tag = _STRING if event.style or event.tag in _TEXT_TAGS else _PLAIN
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def resolve(self, kind: object, value: object, implicit: object) -> str:
        """Returns the tag of a list or mapping without one."""
        return _PLAIN

    def _alias(self, line: int, event: Any) -> yaml.Node:
        name, anchor = f"*{event.anchor}", self._complete.get(event.anchor)
        if anchor is None:
            what = f"{format_value(name)} refers to an anchor that is not complete before this line"
            self._faults.add(line, what, f"if it is text, quote it: {quoted(name)}")
            return yaml.ScalarNode(_STRING, name, event.start_mark, event.end_mark)
        self._count(line, anchor.size)
        self._reach(line, self._depth + anchor.height)
        return self.anchors[event.anchor]

    def _enter(self, line: int) -> None:
        self._depth += 1
        self._deepest = self._depth
        self._reach(line, self._depth)

    def _reach(self, line: int, depth: int) -> None:
        self._deepest = max(self._deepest, depth)
        if depth > MAX_DEPTH:
            what = f"lists and mappings are nested more than {MAX_DEPTH} deep here"
            self._stop(line, what, "a job needs five levels; if this is text, quote it")

    def _count(self, line: int, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            what = f"the file holds more than {MAX_NODES:,} values, its aliases written out"
            self._stop(line, what, "split it into several jobs")

    def _check_tag(self, line: int, event: Any) -> None:
        if event.tag is None or event.tag in _TEXT_TAGS:
            return
        tag, text = event.tag.replace("tag:yaml.org,2002:", "!!"), getattr(event, "value", "")
        remedy = f"remove it, or quote the text: {quoted(format_text(f'{tag} {text}'.strip()))}"
        self._faults.add(line, f"the YAML tag {format_value(tag)} is not allowed", remedy)

    def _stop(self, line: int, what: str, remedy: str) -> None:
        self._faults.add(line, what, remedy)
        raise self._faults.error()


_QUOTE_WHOLE = "put the whole text in quotes"

# A part of the parser's words -> plain words, remedy, and whether the trouble began at the context.
_EXPLAINED: tuple[tuple[str, str, str, bool], ...] = (
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


def explain(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """Explains a syntax error of PyYAML's.

    Args:
        error: the `yaml.YAMLError` raised.
        text: the text that was parsed.

    Returns:
        The line (from 1), what is wrong with its column and the parser's reason, and a remedy.
    """
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
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
    for part, what, remedy, at_context in _EXPLAINED:
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
        return "text continues after a closing quote or bracket", _QUOTE_WHOLE
    return "this line is not aligned with the ones above", "align it with its neighbours"


def _line_at(text: str, index: int) -> str:
    """Returns a line by its index, without splitting the whole text for it."""
    start = 0
    for _ in range(index):
        start = text.find("\n", start) + 1
    return text[start : start + 2_000].partition("\n")[0]


def _unreadable(error: yaml.YAMLError, text: str) -> tuple[int, str, str]:
    """Explains a character that no YAML file may hold."""
    character = getattr(error, "character", None)
    if not isinstance(character, int):
        return 1, f"not valid YAML: {' '.join(str(error).split())[:200]}", _QUOTE_WHOLE
    line = text.count("\n", 0, max(text.find(chr(character)), 0)) + 1
    return line, f"the character U+{character:04X} is not allowed", "remove it"
