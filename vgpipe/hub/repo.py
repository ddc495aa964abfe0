"""Opens checkpoints by their hub id: one repo at one commit, its small files now, its weights when needed.

huggingface_hub reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE; nothing here overrides them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from vgpipe.errors import ModelError
from vgpipe.hub import transfer
from vgpipe.hub.cache import RemoteFile, RepoCache
from vgpipe.hub.errors import explain, status_of
from vgpipe.hub.files import choose_weights, is_wanted, small_files, variants_of, weights_of_all
from vgpipe.hub.listing import asked
from vgpipe.hub.meter import Meter, Progress, ShouldStop

__all__ = ["HubRepo", "fetch", "is_hub_id", "missing_bytes", "open_repo", "variants_of", "weight_files"]

log = logging.getLogger(__name__)

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}")
REVISION = re.compile(r"\w[\w.+-]*(/[\w+-][\w.+-]*)*")
_FORBIDDEN: ContextVar[str] = ContextVar("forbidden", default="")
ONLINE_AGAIN = "unset HF_HUB_OFFLINE and run again once there is a network"


@dataclass(frozen=True, slots=True)
class HubRepo:
    """One repo at one commit.

    Attributes:
        repo_id: `owner/name`.
        revision: as given by the user: a branch, a tag or a commit.
        commit: its full sha; part of the artifacts' keys.
        folder: the commit's folder in the hub cache; holds the files downloaded so far.
        files: repo path -> bytes, of the hub's listing; None if only the cache is known.
        digests: repo path -> SHA-256, or git blob id of a small file; empty if `files` is None.
    """

    repo_id: str
    revision: str
    commit: str
    folder: Path
    files: Mapping[str, int] | None
    digests: Mapping[str, str] = field(default_factory=dict)


def is_hub_id(model_id: str) -> bool:
    """Returns whether a model id names a repo of the hub: `owner/name`, and no such folder exists."""
    return _reads_like_id(model_id) and not Path(model_id).exists()


@contextmanager
def without_requests(remedy: str) -> Iterator[None]:
    """Has the cache alone answer in the block, whatever is missing from it.

    Args:
        remedy: what to type where that does not suffice.
    """
    token = _FORBIDDEN.set(f"no request to the hub was allowed -> {remedy}")
    try:
        yield
    finally:
        _FORBIDDEN.reset(token)


def _forbidden() -> str:
    """Returns why no request may be made and what to do; empty where requests may be made."""
    from huggingface_hub import constants

    by_variable = f"HF_HUB_OFFLINE forbids requests -> {ONLINE_AGAIN}"
    return _FORBIDDEN.get() or (by_variable if constants.HF_HUB_OFFLINE else "")


def open_repo(repo_id: str, revision: str | None = None) -> HubRepo:
    """Finds a repo and downloads its configs, tokenizers and indices; never weights, code or pickles.

    A commit with a cached listing needs no request. A branch or tag needs one; if the hub cannot be reached or denies
    access, the last known commit is used from the cache, with a warning.

    Args:
        repo_id: `owner/name`.
        revision: branch, tag or full commit sha; None for `main`.

    Returns:
        The repo, with its small files in its folder. Writes to the hub cache.

    Raises:
        ModelError: if the repo or revision does not exist, access is denied, the hub does not answer, or the cache
            lacks the repo while offline.
    """
    revision = _checked(repo_id, revision)
    cache = RepoCache(repo_id)
    cached = _from_cache(cache, revision)
    if _forbidden():
        return _require_cached(cache, cached, revision)
    pinned = cached is not None and cached.commit == revision and cached.files is not None
    repo = cached if cached is not None and pinned else _from_hub(cache, revision, cached)
    if repo.files is not None:
        _fetch(repo, small_files(repo.files), needs_headroom=False)
    return repo


def weight_files(
    source: HubRepo | Mapping[str, int], component: str, variant: str | None, *, where: str = "the checkpoint"
) -> list[str]:
    """Returns the safetensors files of one component, of one variant only.

    Args:
        source: a repo, or the files of a folder (relative path -> bytes).
        component: its folder, or `""` for files at the root.
        variant: such as `fp16`; None, or a variant that the component lacks: the plain files.
        where: the checkpoint, for messages about a folder.

    Returns:
        Paths relative to the repo or folder, the index of a sharded set first; empty for a component without weights.

    Raises:
        ModelError: if the component, a shard or an index is missing, or it has only another variant or only pickled
            files.
    """
    if not isinstance(source, HubRepo):
        return choose_weights(source.keys(), component, variant, where=where, remedy="download the checkpoint again")
    where = f"{source.repo_id} at revision {source.revision}"
    if source.files is not None:
        remedy = "choose another repo or revision"
        return choose_weights(source.files.keys(), component, variant, where=where, remedy=remedy)
    names = RepoCache(source.repo_id).names(source.commit)
    where = f"{where} in the hub cache {source.folder}"
    return choose_weights(names, component, variant, where=where, remedy=ONLINE_AGAIN)


def missing_bytes(repo: HubRepo, files: Sequence[str]) -> int:
    """Returns how many bytes of some files are missing from the cache; partial downloads count as present.

    Args:
        repo: an opened repo.
        files: repo paths.
    """
    if repo.files is None:
        return 0
    cache = RepoCache(repo.repo_id)
    missing = _missing_files(repo, files)
    return sum(_remote(repo, name).size_bytes - transfer.partial_bytes(cache, _remote(repo, name)) for name in missing)


def fetch(
    repo: HubRepo,
    files: Sequence[str],
    *,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> None:
    """Downloads files into the hub cache, resuming earlier downloads; verifies sizes and checksums.

    Args:
        repo: an opened repo.
        files: repo paths: safetensors, GGUF, or small files.
        progress: called with (bytes done, total bytes) about five times per second, and at the end.
        should_stop: called between chunks of at most 64 KiB; True ends the download.

    Raises:
        ModelError: if disk space is too low (before the first byte), access is denied, the hub does not answer, or a
            file is damaged.
        Stopped: if `should_stop` returned True; the next call resumes.
    """
    _fetch(repo, files, needs_headroom=True, progress=progress, should_stop=should_stop)


@dataclass(frozen=True, slots=True)
class Download:
    """What a model of the hub would still take.

    Attributes:
        repo_id: `owner/name`.
        commit: its full sha.
        size_bytes: of all files that loading may need and the cache lacks; at most so much is downloaded.
    """

    repo_id: str
    commit: str
    size_bytes: int


def download_of(repo_id: str, revision: str | None, *, variant: str | None = None, file: str | None = None) -> Download:
    """Says what would be downloaded of a repo; asks the hub for the listing where it is not cached, and for no file.

    Args:
        repo_id: `owner/name`.
        revision: branch, tag or full commit sha; None for `main`.
        variant: of the weight files, where a component has it.
        file: the only weight file that is wanted; None for those of all components.

    Raises:
        ModelError: as `open_repo`.
    """
    revision = _checked(repo_id, revision)
    cache = RepoCache(repo_id)
    repo = _from_cache(cache, revision)
    if _forbidden():
        repo = _require_cached(cache, repo, revision)
    elif repo is None or repo.files is None or repo.commit != revision:
        answer = _answer(cache, revision, repo)
        repo = repo if isinstance(answer, ModelError) else _repo(cache, revision, *answer)
    if repo is None or repo.files is None:  # what the cache has must do
        return Download(repo_id, repo.commit if repo else revision, 0)
    wanted = [*small_files(repo.files), *([file] if file else weights_of_all(repo.files, variant))]
    return Download(repo_id, repo.commit, missing_bytes(repo, [name for name in wanted if name in repo.files]))


def _fetch(
    repo: HubRepo,
    files: Sequence[str],
    *,
    needs_headroom: bool,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> None:
    files = list(dict.fromkeys(files))
    missing = _missing_files(repo, files)
    if missing and (_forbidden() or repo.files is None):
        raise _missing_error(repo, missing)
    total_bytes = sum((repo.folder / name).stat().st_size for name in files if name not in missing)
    total_bytes += sum(_remote(repo, name).size_bytes for name in missing)
    missing_size = missing_bytes(repo, missing)
    cache = RepoCache(repo.repo_id)
    if missing_size:
        transfer.require_room(cache.root, missing_size, transfer.headroom_bytes(missing_size) if needs_headroom else 0)
    meter = Meter(total_bytes - missing_size, total_bytes, progress, should_stop)
    for name in missing:
        transfer.download_file(cache, repo.commit, repo.revision, name, _remote(repo, name), meter)
    meter.report()


def _reads_like_id(model_id: str) -> bool:
    odd = ".." in model_id or "--" in model_id or model_id.endswith((".", "-", ".git"))
    return bool(HUB_ID.fullmatch(model_id)) and not odd


def _checked(repo_id: str, revision: str | None) -> str:
    if not _reads_like_id(repo_id):
        raise ModelError(f"model.id: {repo_id!r} is not the id of a hub repo -> write owner/name, as on its page")
    revision = revision or "main"
    if len(revision) > 200 or ".." in revision or not REVISION.fullmatch(revision):
        raise ModelError(f"model.revision: {revision!r} is not a revision -> give a branch, a tag or a full commit sha")
    return revision


def _from_cache(cache: RepoCache, revision: str) -> HubRepo | None:
    commit = cache.commit_of(revision)
    return None if commit is None else _repo(cache, revision, commit, cache.listing(commit))


def _from_hub(cache: RepoCache, revision: str, cached: HubRepo | None) -> HubRepo:
    answer = _answer(cache, revision, cached)
    if isinstance(answer, ModelError):
        if cached is None:
            raise answer
        log.warning("%s; using commit %s from the cache", answer, cached.commit[:12])
        return cached if cached.files is not None else _require_cached(cache, cached, revision)
    cache.save_listing(revision, *answer)
    return _repo(cache, revision, *answer)


def _answer(
    cache: RepoCache, revision: str, cached: HubRepo | None
) -> tuple[str, Mapping[str, RemoteFile]] | ModelError:
    """Asks the hub; returns the commit and its files, or why there is no answer where the cache may replace it."""
    try:
        return asked(cache.repo_id, revision, () if cached else transfer.RETRY_WAITS_S)
    except ModelError:
        raise
    except Exception as error:  # the library and the network stack may raise anything
        explained = explain(error, cache.repo_id, revision)
        if cached is None or status_of(error) == 404:
            raise explained from None
        return explained


def _repo(cache: RepoCache, revision: str, commit: str, files: Mapping[str, RemoteFile] | None) -> HubRepo:
    sizes = None if files is None else {name: file.size_bytes for name, file in files.items()}
    digests = {name: file.digest for name, file in (files or {}).items()}
    return HubRepo(cache.repo_id, revision, commit, cache.snapshot(commit), sizes, digests)


def _require_cached(cache: RepoCache, cached: HubRepo | None, revision: str) -> HubRepo:
    if cached is None:
        raise ModelError(
            f"{cache.repo_id} at revision {revision} is not in the hub cache {cache.root}, and {_forbidden()}, or set "
            "HF_HOME to the cache that holds it"
        )
    if cached.files is None:
        names = ("model_index.json", "modular_model_index.json", "config.json")
        known = [name for name in names if (cached.folder / name).is_file()]
        missing = [] if known else ["model_index.json"]
    else:
        missing = _missing_files(cached, small_files(cached.files))
    if missing:
        raise _missing_error(cached, missing)
    return cached


def _missing_error(repo: HubRepo, missing: Sequence[str]) -> ModelError:
    why = _forbidden() or "the hub cannot be reached -> run again once it can"
    more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
    where = f"{repo.repo_id} at revision {repo.revision}"
    return ModelError(f"{where}: {missing[0]}{more} is not in the hub cache {repo.folder}, and {why}")


def _missing_files(repo: HubRepo, files: Sequence[str]) -> list[str]:
    """Returns the files that are missing from the cache or have the wrong size."""
    missing = []
    for name in dict.fromkeys(files):
        path = repo.folder / name
        if not path.is_file() or (repo.files is not None and path.stat().st_size != repo.files.get(name)):
            missing.append(name)
    return missing


def _remote(repo: HubRepo, name: str) -> RemoteFile:
    if repo.files is None or name not in repo.files:
        raise ModelError(f"{repo.repo_id} at revision {repo.revision} has no file {name} -> see its page")
    if not is_wanted(name):
        raise ModelError(f"{repo.repo_id}: {name} is never downloaded; only safetensors, GGUF and text files are")
    return RemoteFile(repo.files[name], repo.digests[name])
