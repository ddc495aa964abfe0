"""Turns pydantic's errors into faults of the job, each at its own line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vgpipe.job.declared import EXCLUSIVE
from vgpipe.job.faults import Faults, format_text, format_value, nearest
from vgpipe.job.reading.nodes import Listing, Node, Scalar, plain
from vgpipe.job.reading.numbers import advice
from vgpipe.job.reading.seeds import OF_OTHER_TOOLS, SEEDS, check_seeds
from vgpipe.job.reading.yaml_scalars import quoted, resolve
from vgpipe.job.schema import OWN_FAULT, TEXT_REMEDY, SettingFields, description_of, given_fields
from vgpipe.job.settings import MAX_SEED, RANDOM


@dataclass(frozen=True, slots=True)
class Finding:
    """One error in a group of fields, without its line.

    Attributes:
        field: the key it is about; "" for the group.
        index: which item of a list, or None.
        problem: pydantic's name for the kind of error.
        what: what is wrong.
        remedy: what to write instead.
    """

    field: str
    index: int | None
    problem: str
    what: str
    remedy: str


def validate_values(values: Mapping[str, object], model: type[BaseModel]) -> tuple[Mapping[str, Any], list[Finding]]:
    """Validates a group of fields.

    Args:
        values: field -> plain value.
        model: one of the models in `schema`.

    Returns:
        The fields as validated (none if any is wrong), and everything that is wrong with them.
    """
    try:
        return given_fields(model.model_validate(values)), []
    except ValidationError as error:
        return {}, list(_findings(error, model, values))


def _findings(error: ValidationError, model: type[BaseModel], values: Mapping[str, object]) -> Iterator[Finding]:
    details = error.errors(include_url=False)
    closest = {near for d in details if d["type"] == "extra_forbidden" and (near := _closest_key(d, model, values))}
    for detail in details:
        field = str(detail["loc"][0])
        index = next((place for place in detail["loc"][1:] if isinstance(place, int)), None)
        problem = detail["type"]
        if problem == "extra_forbidden":
            yield Finding(field, None, problem, *_unknown(field, _closest_key(detail, model, values), model))
        elif problem != "missing":
            yield Finding(field, index, problem, *_wrong(detail, field, index, model))
        elif field not in closest:
            remedy = f"add `{field}:` with {description_of(model, field)}"
            yield Finding("", None, problem, f"`{field}` is missing", remedy)


def _closest_key(detail: ErrorDetails, model: type[BaseModel], values: Mapping[str, object]) -> str | None:
    return nearest(str(detail["loc"][0]), [name for name in model.model_fields if name not in values])


def _unknown(field: str, meant: str | None, model: type[BaseModel]) -> tuple[str, str]:
    if field == "<<":
        return "YAML merge keys (`<<`) are not supported", "put shared settings under `defaults:`"
    known = sorted(model.model_fields, key=lambda name: name in SettingFields.model_fields)
    what = f"unknown key {format_value(field)}; known: {', '.join(known)}"
    return what, f"did you mean `{meant}`?" if meant else "remove it"


def _wrong(detail: ErrorDetails, field: str, index: int | None, model: type[BaseModel]) -> tuple[str, str]:
    name = field if index is None else f"item {index + 1} of {field}"
    if detail["type"] == OWN_FAULT:
        remedy = f"write {description_of(model, field)} there" if "empty" in detail["msg"] else TEXT_REMEDY
        return f"{name} {detail['msg']}", remedy
    value = detail["input"]
    if detail["type"] == "too_long":
        most = detail["ctx"]["max_length"]
        return f"{field} has {len(value):,} items; at most {most:,} are allowed", "split the job"
    allowed = description_of(model, field)
    allowed = allowed if index is None else allowed.removeprefix("a list of ")
    return f"{name} is {_describe_value(value)}; allowed: {allowed}", _remedy(field, value, detail)


def _describe_value(value: object) -> str:
    if isinstance(value, bool):
        return f"{format_value(value)} (a boolean)"
    if isinstance(value, list) and not value:
        return "an empty list"
    return f"the text {format_value(value)}" if isinstance(value, str) else format_value(value)


def _remedy(field: str, value: object, detail: ErrorDetails) -> str:
    """Returns what to write instead of a value that has the wrong type or is out of range."""
    limits = detail.get("ctx", {})
    if detail["type"] == "list_type" and isinstance(value, int | str) and not isinstance(value, bool):
        alone = f", or {SEEDS[0]}: {format_text(str(value))}" if field in SEEDS and isinstance(value, int) else ""
        return f"write {field}: [{format_text(str(value))}]{alone}"
    if isinstance(value, str) and detail["type"] in ("int_type", "float_type") and (number := advice(value)):
        return number
    if isinstance(value, str) and value.strip() and type(resolve(value.strip())) in (int, float):
        return f"remove the quotes: {field}: {value.strip()[:30]}"
    if field == SEEDS[0] and value == OF_OTHER_TOOLS:
        return f"write {field}: {RANDOM}"
    for limit, words in {"le": "must be at most", "ge": "must be at least", "gt": "must be above"}.items():
        if limit in limits:
            return f"{words} {limits[limit]:,}" if limits[limit] < MAX_SEED else f"{words} {limits[limit]}"
    return f"give it such a value, or remove `{field}`"


def validate_fields(line: int, fields: Mapping[str, Node], model: type[BaseModel], faults: Faults) -> Mapping[str, Any]:
    """Validates the fields of a mapping and records what is wrong with them.

    Args:
        line: of the mapping, for what is missing.
        fields: key -> node.
        model: the model of the mapping.
        faults: where faults are recorded.

    Returns:
        The fields as validated, or none.
    """
    values, findings = validate_values({key: plain(node) for key, node in fields.items()}, model)
    for finding in findings:
        _record(finding, line, fields, faults)
    check_seeds(fields, faults)
    for first, second in EXCLUSIVE:
        if first in fields and second in fields:
            later = max(fields[first].line, fields[second].line)
            faults.add(later, f"both {first} and {second} are given", "keep one of them")
    return values


def _record(finding: Finding, line: int, fields: Mapping[str, Node], faults: Faults) -> None:
    node = fields.get(finding.field)
    if finding.index is not None and isinstance(node, Listing):
        node = node.items[finding.index]
    if finding.problem == "string_type" and isinstance(node, Scalar):
        faults.add(node.line, *unquoted_text_fault(finding.field, node))
    else:
        faults.add(node.line if node is not None else line, finding.what, finding.remedy)


def unquoted_text_fault(name: str, node: Scalar) -> tuple[str, str]:
    """Returns the fault of an unquoted text that YAML reads as something else, and what to write."""
    if node.value is None and node.text == "":
        return f"{name} is empty", "write a text there, or remove it"
    typed = format_text(node.text)
    what = f"{name} is {typed} without quotes, which is {_kind(node.value)} rather than a text"
    return what, f"quote it: {quoted(typed)}"


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if isinstance(value, int | float) else "a date"
