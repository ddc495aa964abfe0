"""What a process is at work on, noted so that a later one finds it where the first was killed."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.owners import age_s, is_left_over, owner_name
from vgpipe.store.durable import make_folder

log = logging.getLogger(__name__)

FOLDER = "at-work"
KEPT_S = 7 * 86_400
"""Seconds for which a mark is kept that no run has asked for."""
MAX_BYTES = 100_000


class WorkMark:
    """The mark of this process: there is one while it is at work, and none while it is not.

    It is on the disk before the work begins, and locked: the system frees the lock of a killed process at once. A mark
    that cannot be written is left out.

    Args:
        store: the root of the store.
    """

    def __init__(self, store: Path):
        self._path = store / FOLDER / f"{owner_name()}-{uuid.uuid4().hex[:8]}.json"
        self._file: int | None = None

    def __enter__(self) -> WorkMark:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Notes what begins; plain values."""
        try:
            if self._file is None:
                make_folder(self._path.parent)
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                _lock(self._file)
            data = json.dumps(facts).encode()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, data, 0)
            os.fsync(self._file)
        except (OSError, AttributeError) as error:  # the latter: Windows has no such calls
            log.debug("%s cannot be written: %s", self._path, error)

    def end(self) -> None:
        """Notes that it has ended, whether well or not."""
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file, 0)


@dataclass(frozen=True, slots=True)
class LeftMark:
    """The mark of a process that was killed at work.

    Attributes:
        path: the mark.
        facts: what it was at work on.
    """

    path: Path
    facts: Mapping[str, Any]

    def remove(self) -> None:
        """Removes the mark."""
        with suppress(OSError):
            self.path.unlink()


def left_marks(store: Path) -> Iterator[LeftMark]:
    """Yields the marks of processes that were killed at work, the oldest first; removes those nobody asked for.

    Args:
        store: the root of the store.
    """
    for path in sorted((store / FOLDER).glob("*.json"), key=age_s, reverse=True):
        facts = _left(path)
        if facts and age_s(path) <= KEPT_S:
            yield LeftMark(path, facts)
        elif facts is not None:
            LeftMark(path, facts).remove()


def _left(path: Path) -> dict[str, Any] | None:
    """Returns what a mark says whose process has gone: {} where that was not at work; None where it lives."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        is_locked = _lock(file)
        if is_locked is False or (is_locked is None and not is_left_over(path, path.stem.rpartition("-")[0])):
            return None
        value = json.loads(os.read(file, MAX_BYTES) or b"{}")
    except OSError:
        return None
    except ValueError:  # killed while it was written
        return {}
    finally:
        os.close(file)
    return value if isinstance(value, dict) else {}


def _lock(file: int) -> bool | None:
    """Locks an open file; returns whether it could, None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
