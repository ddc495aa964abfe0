"""The store: artifacts of all runs, named by digest, written completely or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

from vgpipe.errors import StoreError
from vgpipe.outside_file import read_outside
from vgpipe.owners import LEASE_S, age_s
from vgpipe.store.digest import Key, Mark, file_sha256, mark_if_holds, mark_of, small_file
from vgpipe.store.durable import (
    ASIDE,
    flush_file,
    flush_folder,
    make_folder,
    owner_is_gone,
    set_aside,
    temporary_path,
)
from vgpipe.store.seal import Seal, seal_of, sealed
from vgpipe.units import MIB

log = logging.getLogger(__name__)

RECORD_NAME = "artifact.json"
RECORD_SCHEMA, SEALED_SCHEMA = 2, 2
MAX_RECORD_BYTES = 64 * MIB
KEEP_DAMAGED_S = KEEP_OFFLOADED_S = 7 * 86_400
OFFLOAD_FOLDER = "offload"
RECORDED_PACKAGES = ("torch", "diffusers", "transformers", "imageio-ffmpeg")


DAMAGE = (OSError, ValueError, KeyError, TypeError, RecursionError)
"""What reading a damaged artifact raises."""


class FileFacts(TypedDict):
    """Size and checksum of one file, as in the artifact's record."""

    bytes: int
    sha256: str


class LostArtifact(StoreError):
    """An artifact that an earlier stage made is missing or damaged; whoever finds out has it made again.

    Attributes:
        key: its name.
        reason: what is wrong with it.
    """

    def __init__(self, key: Key, reason: str):
        self.key, self.reason = key, reason
        super().__init__(f"the {key.stage} artifact {key.digest[:12]} cannot be used: {reason}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished, checksummed folder in the store.

    Attributes:
        key: its name and inputs.
        folder: holds its files, which must not be changed.
        files: file name -> size and checksum.
        info: facts that its stage recorded (seconds, peak memory, shapes).
        versions: of the packages that made it.
    """

    key: Key
    folder: Path
    files: Mapping[str, FileFacts]
    info: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Returns the path of one of its files."""
        return Path(f"{self.folder}/{name}")

    def paths(self) -> list[Path]:
        """Returns the paths of all its files, in name order."""
        return [self.path(name) for name in sorted(self.files)]

    def read(self, name: str) -> bytes:
        """Returns the bytes of one of its files, which are those that were written.

        Raises:
            LostArtifact: where they are not, or cannot be read.
        """
        facts = self.files[name]
        try:
            data = read_outside(self.path(name), max_bytes=facts["bytes"])
        except OSError as error:
            raise LostArtifact(self.key, f"{name}: {error}") from None
        if len(data) != facts["bytes"] or sha256(data).hexdigest() != facts["sha256"]:
            raise LostArtifact(self.key, _mismatch(name))
        return data


class ArtifactWriter:
    """Writes an unfinished artifact: files go into `folder`, facts into `info`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.info: dict[str, Any] = {}

    def path(self, name: str) -> Path:
        """Returns where to write the file `name`."""
        return self.folder / name


class Store:
    """Finds, checks and adds artifacts below one folder.

    Several processes may share a store; the first to finish an artifact keeps it.
    """

    def __init__(self, root: Path):
        self.root = root
        self._verified: dict[str, tuple[Artifact, list[Mark]]] = {}

    def folder(self, key: Key) -> Path:
        """Returns the folder of `key`'s artifact, which need not exist."""
        return Path(f"{self.root}/{key.stage}/{key.digest[:2]}/{key.digest}")

    def find(self, key: Key) -> Artifact | None:
        """Returns the artifact of `key` after verifying its checksums, or None.

        A damaged artifact is set aside and logged, and None is returned, so that it is made again. Files that were
        verified before are read again only where their size or time has changed; whoever uses their content takes it
        from `Artifact.read`, which checks what it returns.
        """
        known = self._verified.get(key.digest)
        if known is not None and _is_as_marked(*known):
            return known[0]
        folder = self.folder(key)
        try:
            self._verified[key.digest] = _read(key, folder)
        except DAMAGE as error:
            if os.path.lexists(folder):
                self.set_aside(key, str(error) or type(error).__name__)
            return None
        return self._verified[key.digest][0]

    def glance(self, key: Key) -> Artifact | None:
        """Returns the artifact of `key` as its record describes it, or None; reads none of its files, changes nothing.

        For whoever only says what a run would do; damage shows when that run reads the files.
        """
        folder = self.folder(key)
        try:
            record = _record_of(folder, key.digest)
            files = _files(record)
            _info(record)
            is_whole = all(os.stat(f"{folder}/{name}").st_size == facts["bytes"] for name, facts in files.items())
            return Artifact(key, folder, files, record["info"], record.get("versions") or {}) if is_whole else None
        except DAMAGE:
            return None

    @contextmanager
    def create(self, key: Key) -> Iterator[ArtifactWriter]:
        """Yields a writer, whose folder becomes `key`'s artifact when the block ends without an error.

        Raises:
            StoreError: if the store cannot be written (disk full, read-only, missing).
        """
        final = self.folder(key)
        writer = ArtifactWriter(temporary_path(final))
        try:
            make_folder(final.parent)
            writer.folder.mkdir()
        except OSError as error:
            raise StoreError(f"the store {self.root} cannot be written: {error}") from error
        try:
            yield writer
            self._commit(key, writer, final)
        except OSError as error:
            raise StoreError(f"{key.stage} could not be stored under {self.root}: {error}") from error
        finally:
            shutil.rmtree(writer.folder, ignore_errors=True)

    def discard(self, key: Key) -> None:
        """Removes an artifact that is no longer needed."""
        self._verified.pop(key.digest, None)
        folder = self.folder(key)
        if not folder.is_dir():
            return
        removed = temporary_path(folder)
        with suppress(OSError):  # renamed first, so that no process finds half an artifact
            folder.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)

    def set_aside(self, key: Key, reason: str) -> None:
        """Sets aside a damaged artifact, so that it is made again; logs its folder and the reason.

        Raises:
            StoreError: if that fails.
        """
        self._verified.pop(key.digest, None)
        folder = self.folder(key)
        try:
            aside = set_aside(folder)
        except OSError as error:
            raise StoreError(f"damaged artifact {folder} cannot be set aside: {error}") from error
        if aside is not None:
            log.warning("damaged artifact %s (%s): set aside as %s and made again", folder, reason, aside.name)

    def leftovers(self) -> list[Path]:
        """Returns unfinished artifacts of ended processes and those damaged over a week ago.

        Weights that a run moves out of RAM (`offload`) are read for as long as it lasts, but not changed.
        """
        depths = (".tmp-*", "*/.tmp-*", "*/*/.tmp-*")
        found = [path for depth in depths for path in self.root.glob(depth)]
        leases = {path: KEEP_OFFLOADED_S if OFFLOAD_FOLDER in path.parts else LEASE_S for path in found}
        drafts = [path for path, lease_s in leases.items() if owner_is_gone(path, lease_s)]
        damaged = [path for path in self.root.glob(f"*/*/{ASIDE}*") if age_s(path) > KEEP_DAMAGED_S]
        return [*drafts, *damaged]

    def sweep_leftovers(self) -> int:
        """Removes what `leftovers` returns; returns the number."""
        found = self.leftovers()
        for path in found:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        return len(found)

    def require_writable(self) -> None:
        """Writes and removes a small file.

        Raises:
            StoreError: if that fails.
        """
        probe = temporary_path(self.root / "probe")
        try:
            make_folder(self.root)
            probe.write_bytes(b"vgpipe")
            probe.unlink()
        except OSError as error:
            raise StoreError(f"store.dir: {self.root} cannot be written: {error} -> store.dir=DIR") from error

    def _commit(self, key: Key, writer: ArtifactWriter, final: Path) -> None:
        record = _record(key, writer)
        marks = _marks(writer.folder, record["files"])
        text = json.dumps(record, indent=1, sort_keys=True)
        (writer.folder / RECORD_NAME).write_bytes(sealed(text.encode()) + b"\n")
        artifact = Artifact(key, final, record["files"], record["info"], record["versions"])
        if _moved_into_place(key, writer.folder, final):
            self._verified[key.digest] = artifact, marks

    @contextmanager
    def adopt(self, key: Key) -> Iterator[Path]:
        """Yields an empty folder for the files of an artifact that another store has, its record included.

        When the block ends without an error, they are checked and become `key`'s artifact.

        Raises:
            StoreError: if they are not whole, or the store cannot be written.
        """
        final = self.folder(key)
        arriving = temporary_path(final)
        try:
            make_folder(final.parent)
            arriving.mkdir()
            yield arriving
            _read(key, arriving)
            _moved_into_place(key, arriving, final)
        except DAMAGE as error:
            raise StoreError(f"{key.stage} could not be stored under {self.root}: {error}") from error
        finally:
            shutil.rmtree(arriving, ignore_errors=True)

    def fetch(self, path: Path) -> None:
        """Brings a file beside the artifacts up to date from the store that this one is a part of; here from none."""

    def publish(self, path: Path) -> None:
        """Hands a file beside the artifacts, which was replaced, on to the store that this one is a part of."""

    def retract(self, path: Path) -> None:
        """Has a file beside the artifacts removed in the store that this one is a part of, too."""


def _moved_into_place(key: Key, folder: Path, final: Path) -> bool:
    """Makes a whole folder the artifact of a key, on the disk too; says no where another process was first."""
    for path in folder.iterdir():
        flush_file(path)
    flush_folder(folder)
    for attempt in (1, 2):  # another process may discard its artifact between our failed rename and the check
        try:
            os.rename(folder, final)
            break
        except OSError:
            if (final / RECORD_NAME).is_file():  # it may have other bits, and is read when it is looked for
                log.debug("%s %s was finished by another process first", key.stage, key.digest[:12])
                return False
            if attempt == 2:
                raise
    flush_folder(final.parent)
    return True


def _record(key: Key, writer: ArtifactWriter) -> dict[str, Any]:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for path in sorted(writer.folder.iterdir())
    }
    return {
        "schema": RECORD_SCHEMA,
        "stage": key.stage,
        "digest": key.digest,
        "inputs": key.inputs,
        "files": files,
        "info": writer.info,
        "versions": installed_versions(),
    }


def checked_record(folder: Path, digest: str) -> tuple[dict[str, Any], dict[str, FileFacts], list[Mark]]:
    """Returns the record of an artifact, its files and their marks, after verifying all checksums.

    Args:
        folder: of the artifact.
        digest: its name.

    Raises:
        One of `DAMAGE`: where it is not as it was written, or is gone.
    """
    record = _record_of(folder, digest)
    files = _files(record)
    marks = []
    for name, facts in files.items():
        mark = mark_if_holds(f"{folder}/{name}", facts["bytes"], facts["sha256"])
        if mark is None:
            raise ValueError(_mismatch(name))
        marks.append(mark)
    _info(record)
    return record, files, marks


def _record_of(folder: Path, digest: str) -> dict[str, Any]:
    text = small_file(f"{folder}/{RECORD_NAME}", MAX_RECORD_BYTES)
    record = json.loads(text)
    if not isinstance(record, dict) or record["digest"] != digest:
        raise ValueError("its record holds another digest")
    seal = seal_of(text)
    if seal is Seal.BROKEN or (seal is Seal.NONE and record["schema"] >= SEALED_SCHEMA):
        raise ValueError(f"checksum of {RECORD_NAME} does not match")
    return record


def _read(key: Key, folder: Path) -> tuple[Artifact, list[Mark]]:
    record, files, marks = checked_record(folder, key.digest)
    return Artifact(key, folder, files, record["info"], record.get("versions") or {}), marks


def _files(record: Mapping[str, Any]) -> dict[str, FileFacts]:
    """Returns the files of a record, which an older version may have written without a checksum."""
    files = record["files"]
    for name, facts in files.items() if isinstance(files, dict) else [("", {})]:
        is_name = name not in ("", ".", "..") and set(name).isdisjoint("/\\\0")
        if not is_name or not isinstance(facts["bytes"], int) or not isinstance(facts["sha256"], str):
            raise ValueError("its record does not say what its files are")
    return files


def _info(record: Mapping[str, Any]) -> None:
    """Raises a `ValueError` or `TypeError` where a record does not say how its artifact was made."""
    info = record["info"]
    if not isinstance(info, dict) or not isinstance(record.get("versions") or {}, dict):
        raise ValueError("its record does not say how it was made")
    file, degradation = info.get("file", {}), info.get("degradation") or {}
    is_known = isinstance(file, dict) and isinstance(degradation, dict)
    if not is_known or not all(isinstance(one, str) for one in degradation.values()):
        raise ValueError("its record does not say what it is")
    float(info.get("seconds", 0.0))


def _marks(folder: Path, files: Iterable[str]) -> list[Mark]:
    return [mark_of(f"{folder}/{name}") for name in files]


def _is_as_marked(artifact: Artifact, marks: Sequence[Mark]) -> bool:
    try:
        return _marks(artifact.folder, artifact.files) == marks
    except OSError:
        return False


def _mismatch(name: str) -> str:
    return f"checksum of {name} does not match"


def installed_versions() -> dict[str, str]:
    """Returns package -> installed version, of the packages that artifacts depend on."""
    versions = {package: _installed_version(package) for package in RECORDED_PACKAGES}
    return {package: version for package, version in versions.items() if version is not None}


@cache  # each artifact records them, and parsing a package's metadata takes milliseconds
def _installed_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
