"""YAML's syntax errors in plain words."""

from __future__ import annotations

from typing import Any

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
