"""The runs that use a store: each is noted when it starts, so that nothing it needs counts as garbage."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.outside_file import read_outside
from vgpipe.store.durable import make_folder, write_atomically

log = logging.getLogger(__name__)

FOLDER, SUFFIX, SINCE = "runs", ".json", "since"
MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class NotedRun:
    """A run that has used a store.

    Attributes:
        root: its directory, which may be gone.
        began_s: when it was started first, UNIX seconds.
        obstacle: why nobody can tell here whether the directory is gone; empty where it can be looked at.
        note: the file that says so.
    """

    root: Path
    began_s: float
    obstacle: str
    note: Path


def note_run(store: Path, run: Path) -> None:
    """Notes that a run uses a store, on the disk; a note that cannot be written is logged.

    Args:
        store: the root of the store.
        run: the run directory.
    """
    path = _note_of(store, run)
    try:
        begin_list(store)
        known = _read(path)
        began_s = known.get("began") if isinstance(known.get("began"), float) else time.time()
        facts = {"run": _name_of(store, run), "host": socket.gethostname(), "mount": _mount_of(run), "began": began_s}
        if known != facts:
            write_atomically(path, json.dumps(facts).encode())
    except (OSError, ValueError) as error:
        log.warning("%s cannot be noted in the store (%s): do not run gc before it has ended", run, error)


def begin_list(store: Path) -> None:
    """Begins the list of a store that has none, and notes when that was.

    Raises:
        OSError: where the store cannot be written.
    """
    since = store / FOLDER / SINCE
    if not since.exists():
        make_folder(since.parent)
        write_atomically(since, f"{time.time():.0f}".encode())


def listed_since_s(store: Path) -> float:
    """Returns since when runs are noted, UNIX seconds: what is older may be of runs that nobody knows of."""
    try:
        return float(read_outside(store / FOLDER / SINCE, max_bytes=MAX_BYTES))
    except (OSError, ValueError):
        return time.time()


def noted_runs(store: Path) -> list[NotedRun]:
    """Returns the runs that have used a store, in no order; skips notes that cannot be read."""
    found, real = [], os.path.realpath(store)
    for path in (store / FOLDER).glob(f"*{SUFFIX}"):
        facts = _read(path)
        run, began_s = facts.get("run"), facts.get("began")
        if isinstance(run, str) and isinstance(began_s, float):
            root = Path(os.path.normpath(os.path.join(real, run)))
            found.append(NotedRun(root, began_s, _obstacle(root, facts, is_beside=not os.path.isabs(run)), path))
    return found


def forget_run(store: Path, run: Path) -> bool:
    """Removes the note of a run; says whether there was one."""
    try:
        _note_of(store, run).unlink()
    except FileNotFoundError:
        return False
    return True


def _note_of(store: Path, run: Path) -> Path:
    name = hashlib.sha256(os.fsencode(_name_of(store, run))).hexdigest()[:32]
    return store / FOLDER / f"{name}{SUFFIX}"


def _name_of(store: Path, run: Path) -> str:
    """Returns a run's path: relative to the store where both lie in one folder, so that they can move together."""
    real, beside = os.path.realpath(run), os.path.dirname(os.path.realpath(store))
    is_beside = beside != os.path.dirname(beside) and Path(real).is_relative_to(beside)
    return os.path.relpath(real, os.path.realpath(store)) if is_beside else real


def _mount_of(run: Path) -> str:
    """Returns where the disk of a run is mounted."""
    path = os.path.realpath(run)
    while not os.path.ismount(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def _obstacle(root: Path, facts: dict[str, Any], *, is_beside: bool) -> str:
    try:
        os.stat(root)
        return ""
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return error.strerror or str(error)
    if is_beside:
        return ""
    if facts.get("host") != socket.gethostname():
        return f"it was made on {facts.get('host')}, and is not here"
    mount = facts.get("mount")
    return "" if isinstance(mount, str) and os.path.ismount(mount) else f"the disk of {mount} is not mounted"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_outside(path, max_bytes=MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
