"""Validates a composed plain mapping and returns a `Config`, or reports everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vgpipe.config.adapters import adapter_of
from vgpipe.config.executor_schema import EXECUTORS
from vgpipe.config.exporter_schema import EXPORTERS
from vgpipe.config.fields import NO_KEYS, children, hints_at, nearest
from vgpipe.config.joined_options import OTHERS
from vgpipe.config.judge_schema import judge_faults
from vgpipe.config.remedies import MARKS, PLACED, example, is_group, keys_below, typed_whole
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault
from vgpipe.job.reading.seeds import OF_OTHER_TOOLS, SEEDS, rounded
from vgpipe.job.reading.seeds import REMEDY as ROUNDED_REMEDY
from vgpipe.job.settings import RANDOM
from vgpipe.typed import as_typed

T = TypeVar("T")
OF_KIND = ("dataclass_type", "dataclass_exact_type", "tuple_type", "list_type", "dict_type")
"""pydantic's names for a value of another kind: a text for a list."""
CLIP_SEED = ("clip", SEEDS[0])


def validate_config(values: Mapping[str, Any]) -> Config:
    """Validates `values` against the schema.

    Args:
        values: the composed config as plain mappings, lists, strings and numbers.

    Returns:
        The frozen config.

    Raises:
        ConfigError: with one fault for each unknown key, wrong type and value out of range.
    """
    config = validate_as(Config, values)
    faults = judge_faults(config.judge)
    if faults:
        raise ConfigError("invalid configuration", faults)
    return config


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
        return adapter_of(record).validate_json(json.dumps(values), strict=True)  # type: ignore[arg-type] # types do hash
    except ValidationError as error:
        faults = [_fault(detail, record, values) for detail in error.errors(include_url=False)]
        raise ConfigError("invalid configuration", faults) from None


def _fault(detail: ErrorDetails, root: object, values: Mapping[str, Any]) -> Fault:
    where = _path(detail["loc"])
    key = ".".join(where)
    if detail["type"] == "unexpected_keyword_argument" or detail["type"] == "extra_forbidden":
        known = children(where[:-1], root)
        if where[-1] in known:  # to some option of the group, but not to the one that was chosen
            return Fault(key, "the chosen option has no such key", "choose the option that has it, or leave it out")
        return Fault(key, "there is no such key", NO_KEYS.get(key) or nearest(where[-1], known))
    if detail["type"] == "union_tag_invalid":
        context = detail["ctx"]
        names = re.findall(r"'([^']+)'", context["expected_tags"])
        told = f"{context['tag']!r} is not allowed: {context['expected_tags']}"
        return Fault(f"{key}.name", told, nearest(context["tag"], names))
    if detail["type"] in ("missing", "missing_argument"):
        typed = example(where, values, root)
        return Fault(key, "is missing", f"add {where[-1]} to the group's YAML, or type {typed}")
    allowed = _allowed(detail, where, root)
    return Fault(key, f"{_format(detail['input'])} is not allowed: {allowed}", _remedy(where, detail, root, values))


def _remedy(where: tuple[str, ...], detail: ErrorDetails, root: object, values: Mapping[str, Any]) -> str:
    """Returns what to type instead: the nearest of the allowed names, where the value looks like one of them."""
    names = re.findall(r"'([^']+)'", detail["ctx"]["expected"]) if detail["type"] == "literal_error" else []
    close = nearest(str(detail["input"]), names) if names else ""
    if close.startswith("did you mean"):
        return close
    if where[-1] in SEEDS and rounded(detail["input"], str(detail["input"])):
        return ROUNDED_REMEDY
    if where == CLIP_SEED and detail["input"] == OF_OTHER_TOOLS:
        return f"type {as_typed('clip.seed', RANDOM)}"
    if where == ("draft",):
        return "type draft=8, or draft=40%"
    if where[1:2] in (MARKS, PLACED):
        return f"type {typed_whole(where, values, root)}"
    if where == (OTHERS,):
        return "choose several with exporter=mp4+gif"
    if detail["type"] in OF_KIND:
        if is_group(where, root):
            return f"set its keys: {keys_below(where, root)}"
        return f"type {typed_whole(where, values, root)}"
    return f"type {example(where, values, root)}" if hints_at(where, root) else "leave it out"


def _path(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Returns the key's parts; pydantic also names the arm of a union, which is not a key."""
    parts = tuple(map(str, location))
    arm = {"exporter": 1, OTHERS: 2, "executor": 1}.get(parts[0], 0) if parts else 0
    if arm and parts[arm : arm + 1] and parts[arm] in (*EXPORTERS, *EXECUTORS):
        parts = parts[:arm] + parts[arm + 1 :]
    return parts or ("config",)


def _format(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _allowed(detail: ErrorDetails, where: tuple[str, ...], root: object) -> str:
    words = {
        "bool_type": "true or false",
        "int_type": f"a whole number or {RANDOM}" if where == CLIP_SEED else "a whole number",
        "float_type": "a number",
        "tuple_type": "a list in [ ]",
        "list_type": "a list in [ ]",
        "dict_type": "names with values, in { }",
    }
    if detail["type"] == "string_pattern_mismatch":
        duration = "a duration like 30s, 90m, 8h or 2d"
        patterns = {"until": "a time like 07:00", "budget": duration, "stall_after": duration}
        return patterns.get(where[-1], "a name as report.html shows it, such as p0123abcd")
    if detail["type"] in ("dataclass_type", "dataclass_exact_type"):
        names = ", ".join(children(where, root))
        return "it has keys of its own" if is_group(where, root) else f"keys with values, in {{ }}: {names}"
    return words.get(detail["type"], detail["msg"].removeprefix("Input "))
