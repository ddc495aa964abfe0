"""The store: artifacts of all runs, named by digest, written completely or not at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

from vgpipe.errors import StoreError
from vgpipe.owners import LEASE_S, age_s
from vgpipe.store.digest import Key, file_sha256, holds
from vgpipe.store.durable import flush_file, flush_folder, make_folder, owner_is_gone, temporary_path

log = logging.getLogger(__name__)

RECORD_NAME = "artifact.json"
RECORD_SCHEMA = 1
KEEP_DAMAGED_S = KEEP_OFFLOADED_S = 7 * 86_400
OFFLOAD_FOLDER = "offload"
RECORDED_PACKAGES = ("torch", "diffusers", "transformers", "imageio-ffmpeg")


class FileFacts(TypedDict):
    """Size and checksum of one file, as in the artifact's record."""

    bytes: int
    sha256: str


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
        self._verified: dict[str, Artifact] = {}

    def folder(self, key: Key) -> Path:
        """Returns the folder of `key`'s artifact, which need not exist."""
        return Path(f"{self.root}/{key.stage}/{key.digest[:2]}/{key.digest}")

    def find(self, key: Key) -> Artifact | None:
        """Returns the artifact of `key` after verifying its checksums, or None.

        A damaged artifact is set aside and logged, and None is returned, so that it is made again.
        """
        known = self._verified.get(key.digest)
        if known is not None and os.path.isdir(known.folder):
            return known
        folder = self.folder(key)
        try:
            artifact = _read(key, folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            if folder.is_dir():
                self._set_aside(folder, str(error))
            return None
        self._verified[key.digest] = artifact
        return artifact

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

    def sweep_leftovers(self) -> int:
        """Removes unfinished artifacts of ended processes and those damaged over a week ago; returns their number.

        Weights that a run moves out of RAM (`offload`) are read for as long as it lasts, but not changed.
        """
        depths = (".tmp-*", "*/.tmp-*", "*/*/.tmp-*")
        found = [path for depth in depths for path in self.root.glob(depth)]
        leases = {path: KEEP_OFFLOADED_S if OFFLOAD_FOLDER in path.parts else LEASE_S for path in found}
        drafts = [path for path, lease_s in leases.items() if owner_is_gone(path, lease_s)]
        damaged = [path for path in self.root.glob("*/*/bad-*") if age_s(path) > KEEP_DAMAGED_S]
        for path in (*drafts, *damaged):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        return len(drafts) + len(damaged)

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
        (writer.folder / RECORD_NAME).write_text(json.dumps(record, indent=1, sort_keys=True), "utf-8")
        for path in writer.folder.iterdir():
            flush_file(path)
        flush_folder(writer.folder)
        for attempt in (1, 2):  # another process may discard its artifact between our failed rename and the check
            try:
                os.rename(writer.folder, final)
                break
            except OSError:
                if (final / RECORD_NAME).is_file():
                    log.debug("%s %s was finished by another process first", key.stage, key.digest[:12])
                    break
                if attempt == 2:
                    raise
        flush_folder(final.parent)
        self._verified[key.digest] = Artifact(key, final, record["files"], record["info"], record["versions"])

    def _set_aside(self, folder: Path, reason: str) -> None:
        aside = temporary_path(folder).with_name(f"bad-{os.getpid()}-{folder.name}")
        log.warning("damaged artifact %s (%s): set aside as %s and made again", folder, reason, aside.name)
        try:
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder, aside)
        except FileNotFoundError:
            return  # another process has discarded it meanwhile
        except OSError as error:
            raise StoreError(f"damaged artifact {folder} cannot be set aside: {error}") from error


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


def _read(key: Key, folder: Path) -> Artifact:
    with open(f"{folder}/{RECORD_NAME}", "rb", buffering=0) as file:
        record = json.loads(file.read())
    if record["digest"] != key.digest:
        raise ValueError("its record holds another digest")
    for name, facts in record["files"].items():
        if not holds(f"{folder}/{name}", facts["bytes"], facts["sha256"]):
            raise ValueError(f"checksum of {name} does not match")
    return Artifact(key, folder, record["files"], record["info"], record.get("versions") or {})


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
