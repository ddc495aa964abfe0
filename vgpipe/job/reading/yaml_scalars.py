"""How an unquoted YAML value is read.

The rules are YAML 1.2's, so that `seed: 010` is ten and `1:30` is text, plus the words that YAML 1.1 takes
for true and false and its dates: a prompt that is such a word is refused, since the user may have meant either.
"""

from __future__ import annotations

import re
from datetime import date

MAX_DIGITS = 400

_FIRST = frozenset("-+.0123456789~nNyYtTfFoO")
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_BOOLEAN = {form: truth for word, truth in _WORDS.items() for form in (word, word.title(), word.upper())}
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt ].*)?")


def resolve(text: str) -> str | int | float | bool | date | None:
    """Returns what an unquoted YAML value stands for.

    Args:
        text: the value as written, without quotes around it.

    Returns:
        None, a boolean, a number, a date (times are dropped), or else the text itself.
    """
    if text in _NULL:
        return None
    if text[0] not in _FIRST:
        return text
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    number = _number(text)
    return number if number is not None else _date(text)


def quoted(text: str) -> str:
    """Returns a YAML spelling of a text that stays a text."""
    return f'"{text}"' if not set(text) & {'"', "\\"} else "'" + text.replace("'", "''") + "'"


def _number(text: str) -> int | float | None:
    if len(text) > MAX_DIGITS:
        return None
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    if not _FLOAT.fullmatch(text):
        return None
    # Python spells YAML's `.inf` and `.nan` without the dot.
    return float(text.replace(".", "") if text[-1].isalpha() else text)


def _date(text: str) -> str | date:
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return text
