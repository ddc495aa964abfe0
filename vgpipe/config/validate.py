"""Validates a composed plain mapping and returns a `Config`, or reports everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from vgpipe.config.exporter_schema import EXPORTERS
from vgpipe.config.fields import children, nearest
from vgpipe.config.joined_options import OTHERS
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault

T = TypeVar("T")


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)


def validate_config(values: Mapping[str, Any]) -> Config:
    """Validates `values` against the schema.

    Args:
        values: the composed config as plain mappings, lists, strings and numbers.

    Returns:
        The frozen config.

    Raises:
        ConfigError: with one fault for each unknown key, wrong type and value out of range.
    """
    return validate_as(Config, values)


def validate_as(record: type[T], values: Mapping[str, Any]) -> T:
    """Validates `values` against one record of the schema.

    Args:
        record: the dataclass.
        values: plain mappings, lists, strings and numbers.

    Returns:
        The frozen record.

    Raises:
        ConfigError: with one fault for each unknown key, wrong type and value out of range.
    """
    try:
        # Through JSON: pydantic's strict mode takes a mapping for a dataclass only from there.
        return _adapter(record).validate_json(json.dumps(values), strict=True)  # type: ignore[arg-type] # types do hash
    except ValidationError as error:
        faults = [_fault(detail) for detail in error.errors(include_url=False)]
        raise ConfigError("invalid configuration", faults) from None


def _fault(detail: ErrorDetails) -> Fault:
    where = _path(detail["loc"])
    key = ".".join(where)
    if detail["type"] == "unexpected_keyword_argument" or detail["type"] == "extra_forbidden":
        known = children(where[:-1])
        if where[-1] in known:  # to some option of the group, but not to the one that was chosen
            return Fault(key, "the chosen option has no such key", "choose the option that has it, or leave it out")
        return Fault(key, "there is no such key", nearest(where[-1], known))
    if detail["type"] in ("missing", "missing_argument"):
        return Fault(key, "is missing", f"add {where[-1]} to the group's YAML, or type {key}=...")
    return Fault(key, f"{_format(detail['input'])} is not allowed: {_allowed(detail)}", _remedy(key, detail))


def _remedy(key: str, detail: ErrorDetails) -> str:
    """Returns what to type instead: the nearest of the allowed names, where the value looks like one of them."""
    names = re.findall(r"'([^']+)'", detail["ctx"]["expected"]) if detail["type"] == "literal_error" else []
    close = nearest(str(detail["input"]), names) if names else ""
    return close if close.startswith("did you mean") else f"type {key}=<value>"


def _path(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Returns the key's parts; pydantic also names the arm of a union, which is not a key."""
    parts = tuple(map(str, location))
    arm = {"exporter": 1, OTHERS: 2}.get(parts[0], 0) if parts else 0
    if arm and parts[arm : arm + 1] and parts[arm] in EXPORTERS:
        parts = parts[:arm] + parts[arm + 1 :]
    return parts or ("config",)


def _format(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _allowed(detail: ErrorDetails) -> str:
    words = {"bool_type": "true or false", "int_type": "a whole number", "float_type": "a number"}
    if detail["type"] == "string_pattern_mismatch":
        return "a time like 07:00" if detail["loc"][-1] == "until" else "a duration like 30s, 90m, 8h or 2d"
    return words.get(detail["type"], detail["msg"].removeprefix("Input "))
