"""The driver's end of a worker's own store: looks into the driver's store, hands out its files, takes in new ones."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from vgpipe.errors import StoreError
from vgpipe.executor.workers.store_messages import (
    PART_BYTES,
    Answer,
    Found,
    Gone,
    Loose,
    Name,
    Offered,
    PartWanted,
    Refused,
    Request,
    Sent,
    Wanted,
    Whole,
)
from vgpipe.outside_file import open_outside
from vgpipe.stages import checkpoints
from vgpipe.store.artifacts import RECORD_NAME, Store
from vgpipe.store.digest import Key, file_sha256
from vgpipe.store.durable import flush_file, flush_folder, make_folder, temporary_path
from vgpipe.vocabulary import CHECKPOINT

CHECKPOINT_FILE = re.compile(rf"{CHECKPOINT}/[0-9a-f]{{2}}/[0-9a-f]{{64}}{re.escape(checkpoints.SUFFIX)}")


class StoreService:
    """Answers the requests of one worker; a worker that ends half-way through leaves nothing behind.

    Args:
        store: the driver's.
    """

    def __init__(self, store: Store):
        self._store = store
        self._files: dict[str, Path] = {}
        self._arriving: dict[str, _Arrival] = {}

    def serve_file(self, sha256: str, path: Path) -> None:
        """Lets the worker have an image or a video that a clip is given."""
        self._files.setdefault(sha256, path)

    def answer(self, request: Request) -> Answer:
        """Answers a request; what goes wrong is an answer too."""
        try:
            return self._answer(request)
        except (OSError, StoreError) as error:
            return Refused(str(error))

    def close(self) -> None:
        """Removes what has arrived in part."""
        for arrival in self._arriving.values():
            arrival.drop()
        self._arriving.clear()

    def _answer(self, request: Request) -> Answer:
        match request:
            case Wanted(name, done_steps):
                return self._found(name) if isinstance(name, Key) else self._loose(name, done_steps)
            case PartWanted(name, file, offset):
                return self._part(name, file, offset)
            case Offered(name, done_steps):
                return self._lacks(name, done_steps) and self._expect(name)
            case Sent(name, file, offset, data):
                self._arrival(name).append(file, offset, data)
            case Whole(name, sha256):
                self._finish(name, sha256)
            case Gone(name):
                self._remove(name)
        return None

    def _found(self, key: Key) -> Found | None:
        artifact = self._store.find(key)
        if artifact is None:
            return None
        return Found({path.name: path.stat().st_size for path in (*artifact.paths(), artifact.path(RECORD_NAME))})

    def _loose(self, file: Loose, done_steps: int) -> Found | None:
        path = self._files.get(file.name) or self._checkpoint(file)
        if file.name not in self._files and checkpoints.done_steps(path) <= done_steps:
            return None
        return Found({path.name: path.stat().st_size})

    def _lacks(self, name: Name, done_steps: int) -> bool:
        if isinstance(name, Key):
            return self._store.find(name) is None
        return checkpoints.done_steps(self._checkpoint(name)) < done_steps

    def _remove(self, name: Name) -> None:
        if isinstance(name, Key):
            self._store.discard(name)
        else:
            self._checkpoint(name).unlink(missing_ok=True)

    def _part(self, name: Name, file: str, offset: int) -> bytes:
        if isinstance(name, Key):
            path = self._store.folder(name) / _plain(file)
        else:
            path = self._files.get(name.name) or self._checkpoint(name)
        with open_outside(path) as opened:
            opened.seek(offset)
            return opened.read(PART_BYTES)

    def _checkpoint(self, file: Loose) -> Path:
        if not CHECKPOINT_FILE.fullmatch(file.name):
            raise StoreError(f"{file.name} is not a file of the store")
        return self._store.root / file.name

    def _expect(self, name: Name) -> bool:
        if (before := self._arriving.pop(_id(name), None)) is not None:
            before.drop()
        self._arriving[_id(name)] = (
            _ArrivingArtifact(self._store, name) if isinstance(name, Key) else _ArrivingFile(self._checkpoint(name))
        )
        return True

    def _arrival(self, name: Name) -> _Arrival:
        if _id(name) not in self._arriving:
            raise StoreError("it was not offered before")
        return self._arriving[_id(name)]

    def _finish(self, name: Name, sha256: str) -> None:
        arrival = self._arrival(name)
        del self._arriving[_id(name)]
        arrival.finish(sha256)


class _Arrival(Protocol):
    """Files that come in, in parts."""

    def append(self, file: str, offset: int, data: bytes) -> None:
        """Adds the next bytes of a file; those that came in before are written again."""

    def finish(self, sha256: str) -> None:
        """Checks what has come in, and puts it where it belongs."""

    def drop(self) -> None:
        """Removes what has come in."""


class _Dropped(Exception):
    """Ends an adoption before its end."""


class _ArrivingArtifact:
    def __init__(self, store: Store, key: Key):
        self._adoption: AbstractContextManager[Path] = store.adopt(key)
        self._folder = self._adoption.__enter__()

    def append(self, file: str, offset: int, data: bytes) -> None:
        _write(self._folder / _plain(file), offset, data)

    def finish(self, sha256: str) -> None:
        self._adoption.__exit__(None, None, None)

    def drop(self) -> None:
        self._adoption.__exit__(_Dropped, _Dropped(), None)


class _ArrivingFile:
    def __init__(self, final: Path):
        make_folder(final.parent)
        self._final, self._temporary = final, temporary_path(final)

    def append(self, file: str, offset: int, data: bytes) -> None:
        _write(self._temporary, offset, data)

    def finish(self, sha256: str) -> None:
        try:
            if file_sha256(self._temporary) != sha256:
                raise StoreError(f"the checksum of {self._final.name} does not match")
            flush_file(self._temporary)
            self._temporary.replace(self._final)
        finally:
            self.drop()
        flush_folder(self._final.parent)

    def drop(self) -> None:
        self._temporary.unlink(missing_ok=True)


def _write(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b" if offset else "wb") as opened:
        opened.seek(offset)
        opened.write(data)


def _plain(file: str) -> str:
    if file in ("", ".", "..") or not {"/", "\\", "\0"}.isdisjoint(file):
        raise StoreError(f"{file!r} is not a file of an artifact")
    return file


def _id(name: Name) -> str:
    return name.digest if isinstance(name, Key) else name.name
