"""From one node of the file to one entry of the job, or to its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from vgpipe.job.faults import Faults, nearest, shown
from vgpipe.job.matrix import check_places, read_matrix
from vgpipe.job.record import Entry, Written
from vgpipe.job.schema import EXCLUSIVE, PromptFields, SettingFields
from vgpipe.job.translate import Finding, check
from vgpipe.job.tree import Listing, Node, Scalar, Table, fields_of, plain
from vgpipe.job.yaml_scalars import quoted

_PLACED_FIELDS = ("prompt", "negative_prompt", "id", "image")
_PLACED_DEFAULTS = ("negative_prompt", "image")


def read_defaults(node: Node, faults: Faults) -> Written:
    """Read the settings under `defaults:`; nothing under it is no fault."""
    if isinstance(node, Scalar) and node.value is None:
        return Written()
    if not isinstance(node, Table):
        faults.add(node.line, "defaults is not a mapping of settings", "write settings such as `seed: 3`")
        return Written()
    fields = fields_of(node, faults)
    values = checked(node.line, fields, SettingFields, faults)
    return Written(values, {key: fields[key].line for key in values})


def read_entry(node: Node, defaults: Written, faults: Faults) -> Entry | None:
    """Read one item of `prompts:`.

    Args:
        node: the item: a text or a mapping.
        defaults: the job's defaults; their negative prompt and image may hold places for the entry's matrix.
        faults: where faults are noted.

    Returns:
        The entry, or None where a fault keeps it from being one.
    """
    fields = _fields(node, faults)
    if fields is None:
        return None
    values = checked(node.line, fields, PromptFields, faults)
    matrix_node = fields.get("matrix")
    matrix = read_matrix(matrix_node, faults) if matrix_node is not None else {}
    texts = _placed_texts(fields, defaults)
    check_places(texts, matrix, matrix_node.line if matrix_node is not None else node.line, faults)
    if "prompt" not in values:
        return None
    own = {key: value for key, value in values.items() if key in SettingFields.model_fields}
    settings = Written(own, {key: fields[key].line for key in own})
    return Entry(line=node.line, prompt=values["prompt"], id=values.get("id"), settings=settings, matrix=matrix)


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
        faults.add(node.line, *_misread(finding.field, node))
    else:
        faults.add(node.line if node is not None else line, finding.what, finding.remedy)


def _misread(name: str, node: Scalar) -> tuple[str, str]:
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


def _fields(node: Node, faults: Faults) -> dict[str, Node] | None:
    """Return the fields of an entry, where it is a text or a mapping of fields."""
    if isinstance(node, Scalar):
        if isinstance(node.value, str):
            return {"prompt": node}
        faults.add(node.line, *_misread("the prompt", node))
    elif isinstance(node, Listing):
        faults.add(node.line, "this prompt is a list", "write a text or a mapping; text in [ ] needs quotes")
    elif _is_trap(node):
        faults.add(node.line, *_trap(node))
    else:
        return fields_of(node, faults)
    return None


def _is_trap(table: Table) -> bool:
    """Tell whether a mapping was likely meant as a text: `- a cat: asleep` or `- {colour}`."""
    if len(table.pairs) != 1:
        return False
    key, value = table.pairs[0]
    if not isinstance(key, Scalar) or not isinstance(value, Scalar) or key.text == "<<":
        return False
    return " " in key.text.strip() or nearest(key.text, PromptFields.model_fields) is None


def _trap(table: Table) -> tuple[str, str]:
    """Explain it so that it also helps whoever did mean a key."""
    key, value = (shown(node.text)[1:-1] for node in table.pairs[0] if isinstance(node, Scalar))
    if not value:
        what = "YAML takes this prompt for a mapping: it is in braces or ends in a colon"
        return what, "quote the whole prompt"
    what = f'"{key}" before a `: ` is taken for a key, and no prompt has such a key'
    return what, f"quote the whole text: {quoted(f'{key}: {value}')}; or write prompt: {quoted(value)}"


def _placed_texts(fields: Mapping[str, Node], defaults: Written) -> dict[str, tuple[int, str]]:
    """Return field -> line and text, of every text of the entry that may hold places."""
    texts = {
        name: (node.line, node.value)
        for name in _PLACED_FIELDS
        if isinstance(node := fields.get(name), Scalar) and isinstance(node.value, str)
    }
    for name in _PLACED_DEFAULTS:
        default = defaults.values.get(name)
        if isinstance(default, str) and name not in fields:
            texts[name] = (defaults.lines[name], default)
    return texts
