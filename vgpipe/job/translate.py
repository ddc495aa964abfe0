"""From pydantic's errors to faults of the job, each at its own line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vgpipe.job.faults import nearest, shown
from vgpipe.job.schema import MAX_SEED, OWN_FAULT, TEXT_REMEDY, SettingFields, cleaned, description_of
from vgpipe.job.yaml_scalars import resolve


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong in a group of fields, not yet placed.

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


def check(values: Mapping[str, Any], model: type[BaseModel]) -> tuple[Mapping[str, Any], list[Finding]]:
    """Validate a group of fields.

    Args:
        values: field -> plain value.
        model: one of the models in `schema`.

    Returns:
        The fields as validated (none if any is wrong), and everything that is wrong with them.
    """
    try:
        return cleaned(model.model_validate(values)), []
    except ValidationError as error:
        return {}, list(_findings(error, model, values))


def _findings(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> Iterator[Finding]:
    details = error.errors(include_url=False)
    meant = {near for d in details if d["type"] == "extra_forbidden" and (near := _meant(d, model, values))}
    for detail in details:
        field = str(detail["loc"][0])
        index = next((place for place in detail["loc"][1:] if isinstance(place, int)), None)
        problem = detail["type"]
        if problem == "extra_forbidden":
            yield Finding(field, None, problem, *_unknown(field, _meant(detail, model, values), model))
        elif problem != "missing":
            yield Finding(field, index, problem, *_wrong(detail, field, index, model))
        elif field not in meant:
            remedy = f"add `{field}:` with {description_of(model, field)}"
            yield Finding("", None, problem, f"`{field}` is missing", remedy)


def _meant(detail: ErrorDetails, model: type[BaseModel], values: Mapping[str, Any]) -> str | None:
    return nearest(str(detail["loc"][0]), [name for name in model.model_fields if name not in values])


def _unknown(field: str, meant: str | None, model: type[BaseModel]) -> tuple[str, str]:
    if field == "<<":
        return "merge keys (`<<`) are not read", "put what the prompts share under `defaults:`"
    known = sorted(model.model_fields, key=lambda name: name in SettingFields.model_fields)
    what = f"unknown key {shown(field)}; known: {', '.join(known)}"
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
    return f"{name} is {_as_read(value)}; allowed: {allowed}", _remedy(field, value, detail)


def _as_read(value: object) -> str:
    if isinstance(value, bool):
        return f"{shown(value)} (a yes-or-no value)"
    if isinstance(value, list) and not value:
        return "an empty list"
    return f"the text {shown(value)}" if isinstance(value, str) else shown(value)


def _remedy(field: str, value: object, detail: ErrorDetails) -> str:
    """Say what to write instead of a value that has the wrong type or is out of range."""
    limits = detail.get("ctx", {})
    if detail["type"] == "list_type" and isinstance(value, int) and not isinstance(value, bool):
        return f"write {field}: [{shown(value)}], or seed: {shown(value)}"
    if isinstance(value, str) and value.strip() and type(resolve(value.strip())) in (int, float):
        return f"remove the quotes: {field}: {value.strip()[:30]}"
    for limit, words in {"le": "the most is", "ge": "the least is", "gt": "it must be above"}.items():
        if limit in limits:
            return f"{words} {limits[limit]:g}" if limits[limit] < MAX_SEED else "use a smaller number"
    return f"give it such a value, or remove `{field}`"
