"""Values as they are typed on a command line: quoted for Hydra's grammar, then for the shell.

Every command and option that a message, a page or a log tells the user to type is written here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

_KEY_NEEDS_ESCAPE = re.compile(r"[\\()\[\]{}:=,]")
_PLAIN = re.compile(r"\d+[smhd]|[A-Za-z_/][A-Za-z0-9_./@-]*|\.{1,2}/[A-Za-z0-9_./@-]*")
_FLAT_KEY = re.compile(r"[A-Za-z_][\w.]*")
Value = str | int | float | bool | None | Mapping[str, object] | Sequence[object]


def as_typed(key: str, value: Value) -> str:
    """Returns `key=value` as a word of a POSIX shell that Hydra reads as this value.

    Args:
        key: the dotted key.
        value: what it is set to; mappings and lists may hold further ones.
    """
    return shlex.quote(f"{key}={hydra_value(value)}")


def hydra_value(value: object) -> str:
    """Returns a value in Hydra's grammar; texts that are no plain words in quotes."""
    if isinstance(value, str):
        return value if _is_plain(value) else quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))}: {hydra_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(hydra_value, value)) + "]"
    return json.dumps(value, default=str)


def quoted(text: str) -> str:
    """Returns a text as a double-quoted value of Hydra's grammar, in which OmegaConf finds no interpolation."""
    text = re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", text)
    # Hydra reads backslashes in pairs only where a quote follows them.
    text = re.sub(r'(\\*)"', lambda match: match[1] * 2 + r"\"", text)
    text = re.sub(r"\\+\Z", lambda match: match[0] * 2, text)
    return f'"{text}"'


def shell_quoted(word: str) -> str:
    """Returns an override as one word of a POSIX shell; quotes stand around the value alone where it needs them."""
    key, equals, value = word.partition("=")
    return f"{key}={shlex.quote(value)}" if equals and _FLAT_KEY.fullmatch(key) else shlex.quote(word)


def shown_path(path: Path) -> str:
    """Returns a path as short as a user can type it: relative where it lies below the working directory."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def typed_path(path: Path) -> str:
    """Returns `shown_path` as a word of a POSIX shell."""
    return shlex.quote(shown_path(path))


def _is_plain(text: str) -> bool:
    """Whether Hydra reads a text without quotes as this text: a word or a path, and no number, null or boolean."""
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in ("null", "true", "false", "nan", "inf")


def _key(text: str) -> str:
    return _KEY_NEEDS_ESCAPE.sub(lambda match: "\\" + match[0], text)
