"""Downloads files of a hub repo into the standard cache, resuming interrupted downloads.

This transfer is our own because huggingface_hub 1.x does not resume: it downloads into a file of a random name and
removes it on failure, so an interrupted 10 GB shard starts over
(https://github.com/huggingface/huggingface_hub/issues/4196). Here the bytes go to `blobs/<digest>.incomplete` by plain
HTTP ranges (which the hub also serves for files in xet storage; hf-xet is not used), are verified by their digest, and
then move to their place in the same cache.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import io
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.hub.cache import RemoteFile, RepoCache, writing
from vgpipe.hub.errors import Incomplete, explain, is_transient
from vgpipe.hub.meter import Meter
from vgpipe.units import GIB, format_size

log = logging.getLogger(__name__)

RETRY_WAITS_S = (0.5, 1.0, 2.0)
CHUNK_BYTES = 64 << 10
HASH_CHUNK_BYTES = 4 << 20
HEADROOM_SHARE = 0.05


def partial_bytes(cache: RepoCache, file: RemoteFile) -> int:
    """Returns how many bytes of a file are in the cache, complete or not."""
    for path in (cache.blob(file.digest), cache.partial(file.digest)):
        if path.is_file():
            return min(path.stat().st_size, file.size_bytes)
    return 0


def require_room(root: Path, missing_bytes: int, headroom_bytes: int) -> None:
    """Refuses a download that would fill the disk.

    Args:
        root: the hub cache, which need not exist yet.
        missing_bytes: bytes to download.
        headroom_bytes: bytes that must stay free after it.

    Raises:
        ModelError: with the folder, the space needed and the space free.
    """
    there = next(folder for folder in (root, *root.absolute().parents) if folder.is_dir())
    free_bytes = shutil.disk_usage(there).free
    needed_bytes = missing_bytes + headroom_bytes
    if free_bytes < needed_bytes:
        raise ModelError(
            f"the hub cache {root} has too little free disk space: {format_size(needed_bytes)} needed "
            f"({format_size(missing_bytes)} to download, the rest as headroom), {format_size(free_bytes)} free "
            "-> free some, or set HF_HOME to a folder on a larger disk"
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(root))


def headroom_bytes(missing_bytes: int) -> int:
    """Returns the bytes that must stay free after a download of weights: a twentieth of it, at least 1 GiB."""
    return max(GIB, round(missing_bytes * HEADROOM_SHARE))


def download_file(cache: RepoCache, commit: str, revision: str, name: str, file: RemoteFile, meter: Meter) -> None:
    """Downloads one file, or the rest of it, into the commit's snapshot.

    Args:
        cache: the repo's cache; written to.
        commit: full sha of the commit.
        revision: as the user gave it, for messages.
        name: repo path of the file.
        file: its size and digest.
        meter: already counts the bytes in the cache.

    Raises:
        ModelError: if it cannot be downloaded or written, or arrives damaged twice.
        Stopped: if a stop was requested; the next call resumes.
    """
    with _locked(cache.lock(file.digest), meter):
        blob, partial = cache.blob(file.digest), cache.partial(file.digest)
        if blob.is_file() and blob.stat().st_size != file.size_bytes:
            log.warning("%s: %s has the wrong size in the cache and is downloaded again", cache.repo_id, name)
            meter.add(-partial_bytes(cache, file))
            with writing(cache.root):
                blob.unlink()
            meter.add(partial_bytes(cache, file))
        if not blob.is_file():
            _download_verified(cache, commit, revision, name, file, meter)
            with writing(cache.root):
                os.replace(partial, blob)
        cache.link(commit, name, file.digest)


def _download_verified(cache: RepoCache, commit: str, revision: str, name: str, file: RemoteFile, meter: Meter) -> None:
    partial = cache.partial(file.digest)
    for attempt in ("first", "second"):
        _download_rest(cache, commit, revision, name, file, meter)
        if _digest(partial, file, meter) == file.digest:
            return
        log.warning("%s: the %s download of %s does not match its checksum", cache.repo_id, attempt, name)
        partial.unlink()
        meter.add(-file.size_bytes)
    raise ModelError(
        f"{cache.repo_id}: {name} arrived damaged twice (its checksum differs from the hub's) -> "
        "check the network and HF_ENDPOINT, then run the same command again"
    )


def _download_rest(cache: RepoCache, commit: str, revision: str, name: str, file: RemoteFile, meter: Meter) -> None:
    """Downloads the rest of a file; gives up after a few attempts in a row without progress."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    url, partial = hf_hub_url(cache.repo_id, name, revision=commit), cache.partial(file.digest)
    # The HTTP library differs between versions of huggingface_hub; its base error is the parent of the hub's own.
    network_errors: Any = (OSError, *HfHubHTTPError.__bases__)
    failures = 0
    while (before := _size(partial)) != file.size_bytes or not partial.exists():
        try:
            _append_answer(url, partial, file.size_bytes, meter)
        except network_errors as error:
            failures = 1 if _size(partial) > before else failures + 1
            if failures > len(RETRY_WAITS_S) or not is_transient(error):
                raise explain(error, cache.repo_id, revision, name) from None
            log.warning(
                "%s: %s stopped at %d of %d bytes; trying again", cache.repo_id, name, _size(partial), file.size_bytes
            )
            meter.sleep(RETRY_WAITS_S[failures - 1])


def _append_answer(url: str, partial: Path, size_bytes: int, meter: Meter) -> None:
    """Appends the bytes of one answer to the partial file."""
    utils = _hub_utils()
    have = _size(partial)
    headers = {**utils.build_hf_headers(), "Accept-Encoding": "identity"}
    if 0 < have < size_bytes:
        headers["Range"] = f"bytes={have}-"
    with _answer(url, headers) as (response, pieces):
        if response.status_code == 416:
            raise Incomplete(f"it ends at {have:,} of {size_bytes:,} bytes")
        utils.hf_raise_for_status(response)
        start = _start(response)
        if start > have:
            raise Incomplete(f"the answer starts at byte {start:,}, not at {have:,}")
        meter.add(start - min(have, size_bytes))
        _append(partial, start, size_bytes, pieces, meter)
    if _size(partial) != size_bytes:
        raise Incomplete(f"it ends at {_size(partial):,} of {size_bytes:,} bytes")


def _append(partial: Path, start: int, size_bytes: int, pieces: Iterator[bytes], meter: Meter) -> None:
    with writing(partial.parent):
        partial.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("ab", buffering=0)
    with file:
        with writing(partial.parent):
            file.truncate(start)
        for piece in pieces:
            piece = piece[: size_bytes - start]
            if not piece:  # more bytes than announced
                break
            with writing(partial.parent):
                _write(file, piece)
            start += len(piece)
            meter.add(len(piece))
        with writing(partial.parent):
            os.fsync(file.fileno())


def _write(file: io.FileIO, piece: bytes) -> None:
    """Writes unbuffered: counted bytes survive a kill, and a full disk raises here rather than on closing."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _answer(url: str, headers: dict[str, str]) -> Iterator[tuple[Any, Iterator[bytes]]]:
    from huggingface_hub import constants

    session = _hub_utils().get_session()
    timeout_s = constants.HF_HUB_DOWNLOAD_TIMEOUT
    if callable(getattr(session, "stream", None)):
        with session.stream("GET", url, headers=headers, timeout=timeout_s) as response:
            yield response, response.iter_bytes()
    else:  # requests, before huggingface_hub 1.0
        with session.get(url, headers=headers, timeout=timeout_s, stream=True) as response:
            yield response, response.iter_content(CHUNK_BYTES)


def _start(response: Any) -> int:
    """Returns the offset of an answer's bytes; a server may answer a range request with the whole file."""
    if response.status_code != 206:
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if found is None:
        raise Incomplete("the answer does not state its byte range")
    return int(found[1])


def _hub_utils() -> Any:
    return importlib.import_module("huggingface_hub.utils")


def _digest(path: Path, file: RemoteFile, meter: Meter) -> str:
    """Returns the SHA-256 of a large file, the git blob id of a small one."""
    if len(file.digest) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
    with path.open("rb") as opened:
        while chunk := opened.read(HASH_CHUNK_BYTES):
            digest.update(chunk)
            meter.add()
    return digest.hexdigest()


@contextmanager
def _locked(path: Path, meter: Meter) -> Iterator[None]:
    """Locks one file: a second process that downloads it waits, then finds it complete."""
    from filelock import Timeout

    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        meter.add()
        try:
            with _hub_utils().WeakFileLock(path, timeout=1.0):
                yield
                return
        except Timeout:
            continue


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
