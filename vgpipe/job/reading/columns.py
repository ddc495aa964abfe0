"""Reads the names of columns and keys as fields: their own, other tools', and those of `job.columns`."""

from __future__ import annotations

import difflib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import TypeGuard

from vgpipe.job.faults import Faults, format_value
from vgpipe.job.reading.column_names import FIELDS, FOREIGN, OWN, SYNONYMS, normalised
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table
from vgpipe.typed import as_typed

KEY, PROMPTS = "job.columns", "prompts"
OWN_NAMES = frozenset(FIELDS)
ColumnMap = Mapping[str, str | None]
"""The file's name of a column -> the field it is read as; None leaves it out."""
AS_NAMED: ColumnMap = MappingProxyType({})
ALIKE = 0.8
"""From this share of equal letters on, an unknown name is taken for a misspelled one."""


class Unknown(Enum):
    """What is done with a name that is no field and no setting of another tool."""

    NOTED = auto()
    LEFT = auto()


class _Kind(Enum):
    OWN = auto()
    SYNONYM = auto()
    IGNORED = auto()
    FAULT = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True)
class _Column:
    """How a name is read: as `field`, or why not."""

    kind: _Kind
    field: str = ""
    what: str = ""
    remedy: str = ""


class Columns:
    """Reads the names of one job file.

    Args:
        given: of `job.columns`.
        unknown: what is done with names that are no settings.
        faults: where faults and notes are recorded.
    """

    def __init__(self, given: ColumnMap, unknown: Unknown, faults: Faults):
        self._given: dict[str, str | None] = {}
        self._spelled: dict[str, str] = {}
        self._unknown = unknown
        self._faults = faults
        self._seen: dict[str, _Column] = {}
        for left, right in given.items():
            self._add_given(left, right)

    def fields(self, names: Sequence[str], line: int) -> list[str | None]:
        """Returns the field of each name of a row or object; None where it is not read.

        Args:
            names: in the order written; one may be there twice.
            line: where faults and notes belong.
        """
        columns = [self._column(name) for name in names]
        own = {column.field for column in columns if column.kind is _Kind.OWN}
        synonyms: dict[str, str] = {}
        return [self._field(name, column, line, own, synonyms) for name, column in zip(names, columns, strict=True)]

    def check_given(self) -> None:
        """Records the names of `job.columns` that the file does not have."""
        seen = {form for name in self._seen for form in (_folded(name), normalised(name))}
        for name, spelled in self._spelled.items():
            if name not in seen:
                known = ", ".join(format_value(one) for one in list(self._seen)[:20])
                self._faults.add_at(KEY, f"the job has no {format_value(spelled)}", f"it has {known}")

    def _add_given(self, left: str, right: str | None) -> None:
        """Keeps `theirs: ours`, or `ours: theirs`: Hydra's grammar takes letters beyond ASCII only in values."""
        if right is not None and right not in OWN_NAMES and left in OWN_NAMES:
            left, right = right, left
        if right is not None and right not in OWN_NAMES:
            what = f"{format_value(left)} is to be read as {format_value(right)}, which is no field"
            self._faults.add_at(KEY, what, f"use one of {', '.join(FIELDS)}; null leaves the column out")
        self._given[_folded(left)] = right
        self._spelled[_folded(left)] = left

    def _column(self, name: str) -> _Column:
        found = self._seen.get(name)
        if found is None:
            found = self._seen[name] = self._resolved(name)
        return found

    def _resolved(self, name: str) -> _Column:
        normal = normalised(name)
        for form in (_folded(name), normal):
            if form in self._given:
                field = self._given[form]
                return _Column(_Kind.LEFT) if field is None else _Column(_Kind.OWN, field)
        if normal in OWN:
            return _Column(_Kind.OWN, OWN[normal])
        if normal in SYNONYMS:
            return _Column(_Kind.SYNONYM, SYNONYMS[normal])
        if normal in FOREIGN:
            remedy = f"{FOREIGN[normal]}; {left_out(normal)} to leave it out"
            return _Column(_Kind.FAULT, what=f"{format_value(name)} is no setting of a clip", remedy=remedy)
        if self._unknown is Unknown.LEFT:
            return _Column(_Kind.LEFT, name)
        return self._ignored_or_misspelled(name, normal)

    def _ignored_or_misspelled(self, name: str, normal: str) -> _Column:
        meant = _misspelled(normal)
        if meant:
            remedy = f"did you mean `{meant}`?"
            remedy += f" Or {left_out(normal)} to leave it out" if normal.isascii() else ""
            return _Column(_Kind.FAULT, what=f"unknown column {format_value(name)}", remedy=remedy)
        what = f"the column {format_value(name)} is not read" if name.strip() else "a column without a name is not read"
        if normal in ("name", "filename", "outputname"):
            what += f"; {as_typed(KEY, {normal: 'id'})} puts it into the names of the files"
        return _Column(_Kind.IGNORED, what=what)

    def _field(self, name: str, column: _Column, line: int, own: set[str], synonyms: dict[str, str]) -> str | None:
        if column.kind is _Kind.FAULT:
            self._faults.add(line, column.what, column.remedy)
        elif column.kind is _Kind.IGNORED:
            self._faults.note(line, column.what)
        elif column.kind is _Kind.SYNONYM:
            return self._synonym(name, column.field, line, own, synonyms)
        return column.field or None

    def _synonym(self, name: str, field: str, line: int, own: set[str], synonyms: dict[str, str]) -> str | None:
        if field in own:
            self._faults.note(line, f"{format_value(name)} is not read, since `{field}` is there")
            return None
        if field in synonyms:
            first = synonyms[field]
            what = f"both {format_value(first)} and {format_value(name)} may be `{field}`"
            kept = as_typed(KEY, {normalised(first): field, normalised(name): None})
            self._faults.add(line, what, f"say which, such as {kept}")
            return None
        synonyms[field] = name
        self._faults.note(line, f"{format_value(name)} is read as `{field}`")
        return field


def left_out(name: str) -> str:
    """Returns what to type to leave out a column, by its normalised name."""
    return as_typed(KEY, {name: None})


def _folded(name: str) -> str:
    return name.strip().casefold()


def renamed_job(root: Node, columns: Columns) -> Node:
    """Returns a job whose prompts and defaults have the keys of vgpipe.

    Args:
        root: a mapping with `prompts:`, or the list of prompts itself, or one prompt.
        columns: reads the keys.
    """
    if _is_one_prompt(root):
        root = Listing(root.line, [root])
    if isinstance(root, Listing):
        return Table(root.line, [(Scalar(root.line, PROMPTS, PROMPTS), renamed(root, columns))])
    if not isinstance(root, Table):
        return root
    read = {PROMPTS: renamed, "defaults": renamed_table}
    pairs = [(key, read[key.text](value, columns) if _is_text(key, read) else value) for key, value in root.pairs]
    return Table(root.line, pairs)


def _is_one_prompt(root: Node) -> bool:
    """Returns whether a mapping is a prompt itself: it names the text of one."""
    texts = (
        {key.text for key, value in root.pairs if isinstance(key, Scalar) and isinstance(value, Scalar)}
        if isinstance(root, Table)
        else set[str]()
    )
    fields = {OWN.get(normalised(name)) or SYNONYMS.get(normalised(name)) for name in texts - {PROMPTS}}
    return "prompt" in fields


def _is_text(node: Node, among: Container[str]) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and node.text in among


def renamed(prompts: Node, columns: Columns) -> Node:
    """Returns a list of prompts whose keys are those of vgpipe.

    Args:
        prompts: a list of texts and mappings; anything else is returned as it is.
        columns: reads the keys.
    """
    if not isinstance(prompts, Listing):
        return prompts
    return Listing(prompts.line, [renamed_table(item, columns) for item in prompts.items])


def renamed_table(node: Node, columns: Columns) -> Node:
    """Returns a mapping whose keys are those of vgpipe; any other node as it is."""
    if not isinstance(node, Table):
        return node
    names = [key.value if isinstance(key, Scalar) and isinstance(key.value, str) else "" for key, _ in node.pairs]
    if all(name in OWN_NAMES for name in names):
        return node
    read = columns.fields([name for name in names if name], node.line)
    fields = iter(read)
    pairs = []
    for (key, value), name in zip(node.pairs, names, strict=True):
        field = next(fields) if name else ""
        if field is not None:
            pairs.append((Scalar(key.line, field, field) if field and field != name else key, value))
    return Table(node.line, pairs)


def _misspelled(normal: str) -> str | None:
    """Returns the field that a normalised name is likely to stand for, if it is a slip of the fingers."""
    names = [name for name in (*OWN, *SYNONYMS) if len(name) > 3 or name in OWN]
    alike = [name for name in names if name[0] == normal[:1]]  # `weight` is no `height`
    close = difflib.get_close_matches(normal, alike, n=1, cutoff=ALIKE)
    return (OWN.get(close[0]) or SYNONYMS[close[0]]) if close else None
