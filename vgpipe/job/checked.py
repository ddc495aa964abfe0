"""The fields of one mapping of the job file, validated, each fault at its own line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from vgpipe.job.faults import Faults, shown
from vgpipe.job.schema import EXCLUSIVE
from vgpipe.job.translate import Finding, check
from vgpipe.job.tree import Listing, Node, Scalar, plain
from vgpipe.job.yaml_scalars import quoted


def checked(line: int, fields: Mapping[str, Node], model: type[BaseModel], faults: Faults) -> Mapping[str, Any]:
    """Validate the fields of a mapping and note what is wrong with them.

    Args:
        line: of the mapping, for what is missing.
        fields: key -> node.
        model: the model of the mapping.
        faults: where faults are noted.

    Returns:
        The fields as validated, or none.
    """
    values, findings = check({key: plain(node) for key, node in fields.items()}, model)
    for finding in findings:
        _note(finding, line, fields, faults)
    for first, second in EXCLUSIVE:
        if first in fields and second in fields:
            later = max(fields[first].line, fields[second].line)
            faults.add(later, f"both {first} and {second} are given", "keep one of them")
    return values


def _note(finding: Finding, line: int, fields: Mapping[str, Node], faults: Faults) -> None:
    node = fields.get(finding.field)
    if finding.index is not None and isinstance(node, Listing):
        node = node.items[finding.index]
    if finding.problem == "string_type" and isinstance(node, Scalar):
        faults.add(node.line, *misread(finding.field, node))
    else:
        faults.add(node.line if node is not None else line, finding.what, finding.remedy)


def misread(name: str, node: Scalar) -> tuple[str, str]:
    """Return what is wrong with a text that YAML took for something else, and what to write."""
    if node.value is None and node.text == "":
        return f"{name} is empty", "write a text there, or remove it"
    typed = shown(node.text)[1:-1]
    what = f"{name} is {typed} without quotes, which is {_kind(node.value)} rather than a text"
    return what, f"quote it: {quoted(typed)}"


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a yes-or-no value"
    return "a number" if isinstance(value, int | float) else "a date"
