"""Looks up keys in the schema: whether they exist, what is below them, and the nearest spelling of unknown ones."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable
from functools import cache

from vgpipe.config.schema import Config
from vgpipe.config.secret_urls import KEY as URLS

NO_KEYS = {URLS: "URLs are secret: set VGPIPE_NOTIFY_URLS, or put them into ~/.config/vgpipe/config.yaml"}
"""What looks like a key of the config and is none, with where it belongs."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns `did you mean ...?` for the closest of `known`; else those that begin like it, else all of them."""
    options = sorted(known)
    lowered = {option.lower(): option for option in options}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]}?"
    alike = [option for option in options if option.lower().startswith(word.lower())]
    return f"one of: {', '.join(alike or options)}"


def _unwrapped(hint: object) -> list[type]:
    """Returns the dataclasses a type hint may hold (through Annotated, Optional and unions)."""
    if typing.get_origin(hint) is typing.Annotated:
        return _unwrapped(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [found for arm in typing.get_args(hint) for found in _unwrapped(arm)]
    return [hint] if isinstance(hint, type) and dataclasses.is_dataclass(hint) else []


@cache
def _hints(record: type) -> dict[str, object]:
    names = {field.name for field in dataclasses.fields(record)}
    hints = typing.get_type_hints(record, include_extras=True)
    return {name: hint for name, hint in hints.items() if name in names}


def children(path: tuple[str, ...], root: object = Config) -> list[str]:
    """Returns the key names that may stand below `path`, as declared; none for a value or an unknown path.

    Args:
        path: the parts of a key; the place of an item in a list is one.
        root: the record that it starts in.
    """
    return list(dict.fromkeys(name for record in records_at(path, root) for name in _hints(record)))


def records_at(path: tuple[str, ...], root: object = Config) -> list[type]:
    """Returns the dataclasses that a key may hold."""
    return [record for hint in hints_at(path, root) for record in _unwrapped(hint)]


def hints_at(path: tuple[str, ...], root: object = Config) -> list[object]:
    """Returns the types that a key may hold; none where it is unknown."""
    hints = [root]
    for name in path:
        hints = [below for hint in hints for below in _below(hint, name)]
    return hints


def _below(hint: object, name: str) -> list[object]:
    """Returns the type hints of a key; every key of a mapping and item of a list has that of its values."""
    if is_dict(hint):
        return [typing.get_args(_bare(hint))[1]]
    if is_list(hint):
        return [typing.get_args(_bare(hint))[0]] if name.isdigit() else []
    return [_hints(record)[name] for record in _unwrapped(hint) if name in _hints(record)]


def _bare(hint: object) -> object:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def is_dict(hint: object) -> bool:
    """Returns whether a type maps any names to values."""
    return typing.get_origin(_bare(hint)) is dict


def is_list(hint: object) -> bool:
    """Returns whether a type is a list of further values."""
    return typing.get_origin(_bare(hint)) in (tuple, list)


def may_be_list(hint: object) -> bool:
    """Returns whether a type is a list of further values, or may be one."""
    return is_list(hint) or any(map(is_list, typing.get_args(_bare(hint))))


def is_structured(key: str) -> bool:
    """Returns whether a dotted key holds a list, a mapping or further keys."""
    hints = hints_at(tuple(key.split(".")))
    return any(is_dict(hint) or may_be_list(hint) or _unwrapped(hint) for hint in hints)


def takes_any_key(path: tuple[str, ...]) -> bool:
    """Returns whether a key takes any names below it (`model.pipeline_kwargs`), or lies below one that does."""
    records: list[type] = [Config]
    for name in path:
        hints = [_hints(record).get(name) for record in records]
        if any(is_dict(hint) for hint in hints):
            return True
        records = [found for hint in hints for found in _unwrapped(hint)]
    return False


def unknown_key(key: str) -> tuple[str, str] | None:
    """Finds the first part of a dotted key that the schema lacks.

    Returns:
        None where the whole key exists, else (the key up to that part, the remedy).
    """
    if key in NO_KEYS:
        return key, NO_KEYS[key]
    parts = tuple(key.split("."))
    for depth, part in enumerate(parts):
        if takes_any_key(parts[:depth]):
            return None
        known = children(parts[:depth])
        if part not in known:
            prefix = ".".join(parts[:depth])
            if any(map(is_list, hints_at(parts[:depth]))):
                return ".".join(parts[: depth + 1]), f"{prefix} is a list, which is typed as a whole, in [ ]"
            full = {f"{prefix}.{name}" if prefix else name for name in known}
            wrong = ".".join(parts[: depth + 1])
            return wrong, nearest(wrong, full) if full else f"{prefix} is a value and has no keys"
    return None
