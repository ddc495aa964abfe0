"""What was measured of one clip at one setting, kept line by line so that a bench can continue."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vgpipe.config.adapters import adapter_of
from vgpipe.errors import StoreError
from vgpipe.outside_file import read_outside
from vgpipe.store.durable import open_to_append

log = logging.getLogger(__name__)

NAME, MAX_BYTES = "measured.jsonl", 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One clip at one setting.

    Attributes:
        setting: name of the setting.
        clip: what the clip shares at all settings: its place in the job.
        seconds: stage -> seconds; encoding is missing where another setting had encoded its text.
        is_timed: whether these are of the whole clip; what was made before a stop or a kill has no seconds any more.
        peak_gb: largest peak of GPU memory, else of RAM, GiB.
        on_gpu: whether that was GPU memory.
        error: why it failed; None where it did not.
        degradations: what was done that nobody asked for, a sentence each.
        warned: the checks that its frames do not pass.
        is_compared: whether it was compared with the full run, as far as that is possible; until then it is not done.
        scores: measure -> number; empty where nothing could be compared.
    """

    setting: str
    clip: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    is_timed: bool = True
    peak_gb: float | None = None
    on_gpu: bool = False
    error: str | None = None
    degradations: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    is_compared: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)


Place = tuple[str, int]
"""Setting and clip."""


class Rows:
    """The rows of a bench, on the disk as soon as they are known; the last one of a place counts.

    Args:
        folder: of the bench.
    """

    def __init__(self, folder: Path):
        self._path = folder / NAME
        self._known: dict[Place, Row] = {(row.setting, row.clip): row for row in _read(self._path)}

    def find(self, setting: str, clip: int) -> Row | None:
        """Returns what is known of a clip at a setting; None where it was not measured."""
        return self._known.get((setting, clip))

    def add(self, row: Row) -> None:
        """Keeps a row.

        Raises:
            StoreError: where it cannot be written.
        """
        line = json.dumps(asdict(row), ensure_ascii=True)
        try:
            with open_to_append(self._path) as file:
                file.write(f"\n{line}\n".encode())  # the first newline ends a line that a kill left incomplete
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error}") from error
        self._known[row.setting, row.clip] = row

    def of(self, setting: str) -> dict[int, Row]:
        """Returns the rows of a setting, by clip."""
        return {clip: row for (name, clip), row in sorted(self._known.items()) if name == setting}


def _read(path: Path) -> list[Row]:
    try:
        lines = read_outside(path, max_bytes=MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = (_row(line, path) for line in lines if line.strip())
    return [row for row in found if row is not None]


def _row(line: str, path: Path) -> Row | None:
    try:
        values: Any = json.loads(line)
        row: Row = adapter_of(Row).validate_python(values)
        return row
    except (ValueError, RecursionError) as error:
        log.debug("a line of %s is not used: %s", path, error)
        return None
