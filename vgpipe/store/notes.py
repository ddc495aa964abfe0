"""Keeps small facts for later runs, each under a key of plain values, in one growing file."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vgpipe.outside_file import open_outside
from vgpipe.store.digest import digest_of
from vgpipe.store.durable import open_to_append
from vgpipe.units import MIB

if TYPE_CHECKING:
    from pydantic import TypeAdapter

log = logging.getLogger(__name__)

Record = TypeVar("Record")

MAX_LINES, MAX_BYTES = 20_000, 64 * MIB


class Notes:
    """Facts in one file; the last one under a key counts. None is essential, so damaged lines are skipped.

    Args:
        path: the file; created with the first fact.
    """

    def __init__(self, path: Path):
        self._path = path
        self._facts: dict[str, Any] | None = None

    def find(self, key: Mapping[str, Any]) -> Any:
        """Returns the fact under a key, or None."""
        return self._known().get(digest_of(dict(key)))

    def find_as(self, record: type[Record], key: Mapping[str, Any]) -> Record | None:
        """Returns what is known under a key as a record; None where nothing is, or what is there is no such record."""
        from pydantic import ValidationError

        fact = self.find(key)
        if fact is None:
            return None
        try:
            return cast(Record, _validator(record).validate_python(fact))  # type: ignore[arg-type] # types do hash
        except ValidationError:
            return None

    def remember(self, key: Mapping[str, Any], fact: Any) -> None:
        """Stores a fact (plain values) under a key; if it cannot be written, only this process knows it."""
        digest = digest_of(dict(key))
        if self._known().get(digest) == fact:
            return
        self._known()[digest] = fact
        line = json.dumps({"key": digest, "about": dict(key), "fact": fact}, ensure_ascii=True)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open_to_append(self._path) as file:
                # The first newline ends a line that a killed process left incomplete.
                file.write(f"\n{line}\n".encode())
        except OSError as error:
            log.debug("%s cannot be written: %s", self._path, error)

    def _known(self) -> dict[str, Any]:
        if self._facts is None:
            self._facts = dict(_read(self._path))
        return self._facts


@cache
def _validator(record: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(record)  # takes milliseconds to build, and a run may have thousands of clips


def _read(path: Path) -> list[tuple[str, Any]]:
    try:
        with open_outside(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_BYTES))
            lines = file.read(MAX_BYTES).decode("utf-8", "replace").splitlines()[-MAX_LINES:]
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
            found.append((str(entry["key"]), entry["fact"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found
