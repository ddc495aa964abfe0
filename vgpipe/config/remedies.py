"""What to type in the place of a value that the schema refuses: whole words that a shell and Hydra take."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from vgpipe.config.adapters import adapter_of
from vgpipe.config.fields import children, hints_at, is_dict, is_list, may_be_list, records_at
from vgpipe.config.schema import Config
from vgpipe.errors import Fault
from vgpipe.typed import Value, as_typed

PATH, NAME = "PATH", "NAME"
"""Stand for what only the user knows, in words that can be typed as they are."""
WEIGHT_FILES = (".gguf", ".safetensors")
MAX_ROUNDED = 1e9
MARKS, PLACED = ("best_of_at",), ("images",)
"""The key of a list of steps, in `clip` and in `quality`, that may also be null."""
_TRIED: tuple[Value, ...] = (True, 1, 8, 64, 0.5, NAME, "07:00", "8h", "p0123abcd")
Path = tuple[str, ...]


def typed_whole(path: Path, values: Mapping[str, Any], root: object) -> str:
    """Returns the override that sets a key to what was likely meant by a value of the wrong kind.

    Args:
        path: of the key that is wrong; a list, and a record in a mapping, are typed as a whole.
        values: everything that was composed, as plain values.
        root: the record that `path` starts in.
    """
    if path[1:2] == MARKS:
        return as_typed(".".join(path[:2]), [4, 8])
    if path[1:2] == PLACED:
        return as_typed(".".join(path[:2]), {"24": "middle.png"})
    for end in range(1, len(path) + 1):
        whole = path[:end]
        if any(map(is_list, hints_at(whole, root))):
            given = _at(whole, values)
            items = given if isinstance(given, list) and given else [given]
            return as_typed(".".join(whole), [_item((*whole, "0"), one, root) for one in items])
        if _required(whole, root):
            return as_typed(".".join(whole), _item(whole, _at(whole, values), root))
    return as_typed(".".join(path), _item(path, _at(path, values), root))


def example(path: Path, values: Mapping[str, Any], root: object) -> str:
    """Returns an override that sets a key to a value that is allowed, as near as may be to the one that was given.

    Args:
        path: of the key.
        values: everything that was composed, as plain values.
        root: the record that it starts in.
    """
    if is_item(path, root) or any(is_list(hint) or is_dict(hint) for hint in hints_at(path, root)):
        return typed_whole(path, values, root)
    reference = _at(("model", "reference", path[-1]), values) if path[0] == "clip" else None
    return as_typed(".".join(path), next(_allowed(path, root, (_at(path, values), reference)), NAME))


def kind_fault(key: str, value: object) -> Fault | None:
    """Returns what is wrong with a list for a mapping, or the reverse, which OmegaConf refuses in words of its own."""
    path, hints = tuple(key.split(".")), hints_at(tuple(key.split(".")))
    takes_list = any(map(may_be_list, hints))
    if not hints or Any in hints or isinstance(value, list) == takes_list or not isinstance(value, list | dict):
        return None
    if isinstance(value, dict) and not takes_list:
        return None
    values: Any = value[0] if isinstance(value, list) and value else value
    for name in reversed(path):
        values = {name: values}
    what = "a list in [ ] is needed" if takes_list else "this key takes no list"
    remedy = keys_below(path, Config) if is_group(path, Config) else ""
    return Fault(key, what, f"set its keys: {remedy}" if remedy else f"type {typed_whole(path, values, Config)}")


def _split(path: str) -> dict[str, object]:
    folder, slash, file = path.rpartition("/")
    return {"id": folder or slash or ".", "file": file}


def is_item(path: Path, root: object) -> bool:
    """Returns whether a key lies in a list, or in a record that a mapping holds: these are typed as a whole."""
    return any(is_list(hint) for end in range(len(path)) for hint in hints_at(path[:end], root)) or any(
        _required(path[:end], root) for end in range(1, len(path))
    )


def keys_below(path: Path, root: object) -> str:
    """Returns the keys that are set in the place of a record, for a message."""
    return ", ".join(".".join((*path, name)) for name in children(path, root))


def is_group(path: Path, root: object) -> bool:
    """Returns whether a key holds a record whose keys are set one by one."""
    return bool(records_at(path, root)) and not _required(path, root)


def _item(path: Path, given: object, root: object) -> Value:
    """Returns a value that a key takes, with as much of the one that was given as fits."""
    needed = _required(path, root)
    if needed:
        return _record(path, given, needed, root)
    if any(map(is_dict, hints_at(path, root))):
        below = (*path, NAME)
        return {NAME: _item(below, given, root)}
    return next(_allowed(path, root, (given,)), NAME)


def _record(path: Path, given: object, needed: Sequence[str], root: object) -> Value:
    keys = children(path, root)
    if isinstance(given, str):
        is_split = given.endswith(WEIGHT_FILES) and "weight" not in keys  # a LoRA's id may be the file itself
        given = _split(given) if is_split else {needed[0]: given}
    own = given if isinstance(given, Mapping) else {}
    known = {name: one for name, one in own.items() if name in keys and _is_allowed(one, (*path, name), root)}
    return {**{name: PATH for name in needed if name not in known}, **known}


def _required(path: Path, root: object) -> list[str]:
    """Returns the keys without a default of the record that a key takes, where it is an item of a list or mapping."""
    above = hints_at(path[:-1], root) if path else []
    if not any(is_list(hint) or is_dict(hint) for hint in above):
        return []
    missing = dataclasses.MISSING
    return [
        one.name
        for record in records_at(path, root)
        for one in dataclasses.fields(record)
        if one.default is missing and one.default_factory is missing
    ]


def _allowed(path: Path, root: object, given: Sequence[object] = ()) -> Iterator[Value]:
    """Yields values that a key may have: those that were given, rounded; its default, its limits, and what is tried."""
    rounded = [round(one) for one in given if isinstance(one, float) and abs(one) < MAX_ROUNDED]
    for hint in hints_at(path, root):
        limits = [
            limit for one in _metadata(hint) for name in ("le", "ge", "gt") if (limit := getattr(one, name, None))
        ]
        near = sorted(limits, key=lambda limit: abs(limit - given[0])) if given and _is_number(given[0]) else []
        for tried in (*given, *rounded, *near, *_defaults(path, root), *_choices(hint), *limits, *_TRIED):
            if tried is not None and _is_allowed(tried, path, root):
                yield tried


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_allowed(value: object, path: Path, root: object) -> bool:
    for hint in hints_at(path, root):
        try:
            adapter_of(hint).validate_python(value, strict=True)
        except (ValidationError, TypeError):
            continue
        return True
    return False


def _defaults(path: Path, root: object) -> list[Any]:
    declared = [one for record in records_at(path[:-1], root) for one in dataclasses.fields(record)]
    return [one.default for one in declared if one.name == path[-1] and isinstance(one.default, str | int | float)]


def _choices(hint: object) -> list[Any]:
    args = [one for arm in (hint, *typing.get_args(hint)) for one in (arm, *typing.get_args(arm))]
    return [value for arm in args if typing.get_origin(arm) is typing.Literal for value in typing.get_args(arm)]


def _metadata(hint: object) -> list[Any]:
    """Returns the limits of a type, through its unions."""
    own = list(getattr(hint, "__metadata__", ()))
    nested = [one for field in own for one in getattr(field, "metadata", ())]
    return own + nested + [one for arm in typing.get_args(hint) for one in _metadata(arm)]


def _at(path: Path, values: object) -> Any:
    for name in path:
        if isinstance(values, list) and name.isdigit() and int(name) < len(values):
            values = values[int(name)]
        elif isinstance(values, Mapping):
            values = values.get(name)
        else:
            return None
    return values
