"""Jobs whose prompts are values of a program: they become JSON lines, which the run keeps, and are read as such."""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vgpipe.job.audio import WORDS
from vgpipe.job.faults import VALUES, Faults, format_text
from vgpipe.job.reading.columns import AS_NAMED, ColumnMap, Columns, Unknown, renamed
from vgpipe.job.reading.json_jobs import read_jsonl
from vgpipe.job.reading.nodes import Scalar, Table
from vgpipe.job.record import Job
from vgpipe.job.rules import ShapeRules

PATHS = ("image", "last_image", "video", "audio")


def json_lines(prompts: Iterable[object], folder: Path) -> str:
    """Returns prompts as the JSON lines of a job file; a text or a mapping alone is the only prompt.

    Args:
        prompts: texts and mappings, as in a job file; they may hold paths and numpy's numbers.
        folder: where relative paths of images start.

    Raises:
        JobError: where there is none, or one holds what no job file could.
    """
    items = [prompts] if isinstance(prompts, str | Mapping) else list(prompts)
    faults = Faults(VALUES)
    if not items:
        faults.add(0, "there is no prompt", "give at least one")
    lines = [_line(number, item, folder, faults) for number, item in enumerate(items, start=1)]
    faults.raise_any()
    return "".join(f"{line}\n" for line in lines)


def read_values(lines: str, folder: Path, *, rules: ShapeRules | None = None, columns: ColumnMap = AS_NAMED) -> Job:
    """Reads and checks prompts as `read_job` does a file; messages call a line by its place: `prompts[3]`.

    Args:
        lines: of `json_lines`.
        folder: where relative paths of images start.
        rules: what the model can make.
        columns: the program's names of keys -> fields.

    Raises:
        JobError: they have faults; all of them are in the error.
    """
    # pydantic takes longer to import than a command like `--help` may take.
    from vgpipe.job.reading.validate import build_job

    faults = Faults(VALUES)
    names = Columns(columns, Unknown.LEFT, faults)
    listing = renamed(read_jsonl(lines, faults), names)
    names.check_given()
    root = Table(1, [(Scalar(1, VALUES, VALUES), listing)])
    return build_job(root, VALUES, faults, rules, folder)


def _line(number: int, item: object, folder: Path, faults: Faults) -> str:
    if isinstance(item, Mapping):
        item = {**item, **_absolute(item, folder)}
    try:
        return json.dumps(item, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        faults.add(number, f"it cannot be written to a job file: {format_text(str(error))}", "give texts and numbers")
        return "null"


def _absolute(item: Mapping[object, object], folder: Path) -> dict[object, object]:
    """Returns what a prompt gives beside text, with absolute paths."""
    found: dict[object, object] = {
        name: _path(item[name], folder)
        for name in PATHS
        if isinstance(item.get(name), str | os.PathLike) and not (name == "audio" and item[name] in WORDS)
    }
    images = item.get("images")
    if isinstance(images, Mapping):
        found["images"] = {
            str(frame): _path(path, folder) if isinstance(path, str | os.PathLike) else path
            for frame, path in images.items()
        }
    return found


def _path(given: object, folder: Path) -> str:
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else str(given)
    return path if path.startswith("~") else str(folder / path)


def _plain(value: object) -> object:
    """Returns a value that JSON does not know as one that it does."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(value)
    raise TypeError(f"a value of the type {type(value).__name__}")


def plain_values(settings: Mapping[str, object]) -> dict[str, object]:
    """Returns settings of a program as JSON knows them.

    Raises:
        JobError: where a value is none that JSON could hold.
    """
    faults = Faults("")
    found: dict[str, object] = {}
    for name, value in settings.items():
        try:
            found[str(name)] = json.loads(json.dumps(value, default=_plain))
        except (TypeError, ValueError, RecursionError) as error:
            faults.add_at(f"clip.{name}", f"it cannot be used: {format_text(str(error))}", "give texts and numbers")
    faults.raise_any()
    return found
