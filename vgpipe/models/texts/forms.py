"""What pipelines make of a text before they tokenize it, and where in it a cut lies."""

from __future__ import annotations

import html
import re
import unicodedata

from vgpipe.models.text_reader import Form

MAX_WORD = 30
"""Characters from which on a word is none: languages without spaces have only such ones."""
MAX_REST = 40
"""Characters that are shown of what is cut."""
QUOTED = re.compile(r"\"(.*?)\"|“(.*?)”")
SPECIAL_TOKENS = 16
"""Tokens that are more than a text has characters, at most: special ones, and the instructions that end a chat."""


def formed(text: str, form: Form) -> str:
    """Returns what a pipeline tokenizes of a text."""
    match form:
        case Form.CLEANED:
            return _cleaned(text)
        case Form.LOWERED:
            return text.lower().strip()
        case Form.QUOTED:
            return _quoted(text)
        case Form.PLAIN:
            return text


def may_exceed(text: str, limit: int) -> bool:
    """Says whether a text may have more tokens than a limit; no tokenizer makes more of it than it has bytes.

    Args:
        text: as typed.
        limit: tokens.
    """
    size = len(text)
    if not text.isascii():  # tokenizers make other characters of some, which may be longer
        size = max(len(text.encode()), len(unicodedata.normalize("NFKC", text.lower()).encode()))
    return size + SPECIAL_TOKENS > limit


def place_of(text: str, at: int) -> tuple[str, str]:
    """Returns where a text is cut, `word 12`, and how what is cut begins.

    Args:
        text: what was tokenized.
        at: index of the first character that is not read.
    """
    at += len(text[at:]) - len(text[at:].lstrip())
    start = at - len(re.split(r"\s", text[:at])[-1])
    end = at + len(re.split(r"\s", text[at:])[0])
    rest = text[start if end - start <= MAX_WORD else at :].strip()
    shown = rest if len(rest) <= MAX_REST else f"{rest[:MAX_REST].rsplit(maxsplit=1)[0]} ..."
    if end - start > MAX_WORD:
        return f"character {at + 1}", shown
    return f"word {len(text[:start].split()) + 1}", shown


def _cleaned(text: str) -> str:
    if not (text.isascii() and text.isprintable() and "&" not in text):  # of plain English nothing would change
        text = html.unescape(html.unescape(_mended(text)))
    return re.sub(r"\s+", " ", text.strip()).strip()


def _mended(text: str) -> str:
    try:
        import ftfy
    except ImportError:  # the pipelines do without, too
        return text
    mended: str = ftfy.fix_text(text)
    return mended


def _quoted(text: str) -> str:
    found = dict.fromkeys(first or second for first, second in QUOTED.findall(text))
    return "".join(f'Text "{one}". ' for one in found)
