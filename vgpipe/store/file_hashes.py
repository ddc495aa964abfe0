"""SHA-256 of files; those of large files are kept until a file changes."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from vgpipe.outside_file import read_outside
from vgpipe.store.digest import file_sha256
from vgpipe.store.durable import open_to_append
from vgpipe.units import GIB, MIB, format_size

log = logging.getLogger(__name__)

MAX_BYTES = 64 * MIB
LARGE_BYTES, LOGGED_BYTES = 16 * MIB, GIB


def fingerprint(path: Path) -> str:
    """Returns what identifies a file and changes with it: path, size, inode and times.

    Raises:
        OSError: if it does not exist.
    """
    status = path.stat()
    return f"{path.resolve()}|{status.st_size}|{status.st_ino}|{status.st_mtime_ns}|{status.st_ctime_ns}"


class FileHashes:
    """Hashes files; large ones once, until size, inode, mtime or ctime change.

    Args:
        memory: a JSONL file for later runs, appended to; None keeps hashes in this object only.
    """

    def __init__(self, memory: Path | None):
        self._memory = memory
        self._known: dict[str, str] | None = None

    def sha256(self, path: Path) -> str:
        """Returns the SHA-256 of a file's bytes, as 64 hex digits; appends to the memory file."""
        mark = fingerprint(path)
        known = self._loaded()
        if mark not in known:
            size_bytes = path.stat().st_size
            if size_bytes >= LOGGED_BYTES:
                log.info("reading %s once (%s) to compute its digest", path, format_size(size_bytes))
            known[mark] = file_sha256(path)
            if size_bytes >= LARGE_BYTES:
                self._append(mark, known[mark])
        return known[mark]

    def _loaded(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            for line in self._lines():
                try:
                    mark, digest = json.loads(line)
                    self._known[str(mark)] = str(digest)
                except (ValueError, TypeError, RecursionError):  # a line cut off by a kill: that file is hashed again
                    continue
        return self._known

    def _lines(self) -> list[str]:
        try:
            return read_outside(self._memory, max_bytes=MAX_BYTES).decode().splitlines() if self._memory else []
        except (OSError, ValueError):
            return []

    def _append(self, mark: str, digest: str) -> None:
        if self._memory is None:
            return
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            with open_to_append(self._memory) as file:
                file.write(f"{json.dumps([mark, digest])}\n".encode())
        except OSError as error:
            log.debug("%s cannot be written: %s", self._memory, error)
