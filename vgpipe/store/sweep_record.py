"""The combinations of a sweep that have no run, in the folder of the sweep: nothing else there tells of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vgpipe.outside_file import read_outside
from vgpipe.store.durable import replace_file
from vgpipe.units import MIB

NAME, SCHEMA, MOST = "sweep.json", 1, 1000


def write_missing(folder: Path, missing: Sequence[tuple[str, str]]) -> None:
    """Writes which combinations have no run; nothing where all have one, and none is on record.

    Args:
        folder: of the sweep.
        missing: name of the combination and why it has no run.

    Raises:
        StoreError: where the folder cannot be written.
    """
    path = folder / NAME
    if missing or path.is_file():
        told = [{"name": name, "reason": reason} for name, reason in missing[:MOST]]
        replace_file(path, json.dumps({"schema": SCHEMA, "without_run": told}, ensure_ascii=False).encode() + b"\n")


def read_missing(folder: Path) -> list[tuple[str, str]]:
    """Returns the combinations without a run; none where the folder does not tell.

    Args:
        folder: of the sweep.
    """
    try:
        document = json.loads(read_outside(folder / NAME, max_bytes=MIB))
        return [(str(one["name"]), str(one["reason"])) for one in document["without_run"][:MOST]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
