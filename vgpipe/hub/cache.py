"""One repo in the standard hub cache: the paths of its files, the commit of a revision, and the hub's listing.

The layout is the one of huggingface_hub, so that every tool shares one copy:
`models--owner--name/{blobs/<digest>, snapshots/<commit>/<path> -> blob, refs/<branch>, trees/<commit>.json}`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vgpipe.errors import ModelError
from vgpipe.hub.files import refuse_hostile

COMMIT = re.compile(r"[0-9a-f]{40}")
# The git blob id of a small file, or the SHA-256 of a large one; nothing else may become a file name.
DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
LISTING_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The hub's description of one file; `digest` is its SHA-256, or the git blob id of a small file."""

    size_bytes: int
    digest: str


class RepoCache:
    """The cache folder of one repo; created by the first write."""

    def __init__(self, repo_id: str):
        from huggingface_hub import constants

        self.repo_id = repo_id
        self.root = Path(constants.HF_HUB_CACHE)
        self.folder = self.root / ("models--" + repo_id.replace("/", "--"))

    def snapshot(self, commit: str) -> Path:
        """Returns the folder that holds a commit's files under their own names."""
        return self.folder / "snapshots" / commit

    def blob(self, digest: str) -> Path:
        """Returns the path of a file's bytes."""
        return self.folder / "blobs" / digest

    def partial(self, digest: str) -> Path:
        """Returns the path of an incomplete download."""
        return self.folder / "blobs" / f"{digest}.incomplete"

    def lock(self, digest: str) -> Path:
        """Returns the lock file that huggingface_hub also uses while it downloads this file."""
        return self.root / ".locks" / self.folder.name / f"{digest}.lock"

    def commit_of(self, revision: str) -> str | None:
        """Returns the commit of a branch or tag as of the last request, or None."""
        if COMMIT.fullmatch(revision):
            return revision if self.snapshot(revision).is_dir() else None
        try:
            commit = (self.folder / "refs" / revision).read_text("utf-8").strip()
        except OSError:
            return None
        return commit if COMMIT.fullmatch(commit) and self.snapshot(commit).is_dir() else None

    def names(self, commit: str) -> list[str]:
        """Returns a commit's repo paths in the cache, sorted."""
        root = self.snapshot(commit)
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def listing(self, commit: str) -> dict[str, RemoteFile] | None:
        """Returns the hub's listing of a commit, or None if it is not in the cache.

        Raises:
            ModelError: if the listing names a file outside its folder.
        """
        try:
            listing = json.loads((self.folder / "trees" / f"{commit}.json").read_text("utf-8"))
            if listing["format_version"] != LISTING_FORMAT:
                return None
            files = {
                name: RemoteFile(
                    int(file.get("lfs_size") or file["size"]), str(file.get("lfs_sha256") or file["blob_id"])
                )
                for name, file in listing["files"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        refuse_hostile(files, self.repo_id)
        return files if all(DIGEST.fullmatch(file.digest) for file in files.values()) else None

    def save_listing(self, revision: str, commit: str, files: Mapping[str, RemoteFile]) -> None:
        """Stores the commit of a revision and its listing, for runs without a network.

        Raises:
            ModelError: if the cache cannot be written.
        """
        listed = {
            name: {"size": file.size_bytes, "blob_id": file.digest}
            | ({"lfs_sha256": file.digest, "lfs_size": file.size_bytes} if len(file.digest) == 64 else {})
            for name, file in sorted(files.items())
        }
        with writing(self.root):
            self.snapshot(commit).mkdir(parents=True, exist_ok=True)
            listing = {"format_version": LISTING_FORMAT, "files": listed}
            _replace(self.folder / "trees" / f"{commit}.json", json.dumps(listing, indent=1))
            if revision != commit:
                _replace(self.folder / "refs" / revision, commit)

    def link(self, commit: str, name: str, digest: str) -> None:
        """Links a complete blob under its name in a commit's snapshot.

        Raises:
            ModelError: if the cache cannot be written.
        """
        blob, target = self.blob(digest), self.snapshot(commit) / name
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        with writing(self.root):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.symlink(os.path.relpath(blob, target.parent), temporary)
            except OSError:  # Windows without developer mode, FAT: huggingface_hub also moves the file
                os.replace(blob, target)
            else:
                os.replace(temporary, target)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a failed write to the cache into one message.

    Raises:
        ModelError: naming the folder.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelError(
            f"the hub cache {folder} cannot be written ({reason}) -> free disk space or grant write access there, "
            "or set HF_HOME to a folder you can write to"
        ) from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
