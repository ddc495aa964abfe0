"""What kept runs need of a store: found through the list of runs that the store keeps, and in the folder around it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import is_not
from pathlib import Path
from typing import Any

from vgpipe.errors import UsageError
from vgpipe.garbage.inventory import Kind
from vgpipe.store.run_folders import run_folders
from vgpipe.store.run_list import NotedRun, noted_runs
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir

DONE, DRAFTED, UNSETTLED = "done", "drafted", ("pending", "stopped")
ENDED_S = 3600.0
"""How long after its last record a run that was killed may still have worked."""


@dataclass(frozen=True, slots=True)
class RunNeeds:
    """What one run needs.

    Attributes:
        root: its directory.
        files: digests of the finished files of all its clips.
        unfinished: digests of all that its unfinished clips need, drafts among them, which may be continued.
        others: digests of what its finished clips were made from, which they need no more.
        vague: kinds of which an older version did not record what unfinished clips need.
        is_unsettled: whether it has clips that it has not reached, or stopped in.
        has_drafts: whether it has drafts.
        began_s: when it was started first, UNIX seconds.
        used_s: when it last recorded something, UNIX seconds.
        is_running: whether a process is making it.
    """

    root: Path
    files: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    vague: frozenset[Kind] = frozenset()
    is_unsettled: bool = False
    has_drafts: bool = False
    began_s: float = 0.0
    used_s: float = 0.0
    is_running: bool = False

    def may_have_made(self, made_s: float) -> bool:
        """Says whether it may have made something at a time that its records do not name yet.

        A clip that is made in another way than asked for is recorded so when it ends.
        """
        return self.is_unsettled and self.began_s <= made_s and (self.is_running or made_s <= self.used_s + ENDED_S)


@dataclass(frozen=True, slots=True)
class Needs:
    """What all kept runs need.

    Attributes:
        runs: the runs that were read.
        unreadable: runs of which nobody can tell what they need -> why.
        files: as those of all runs.
        unfinished: likewise.
        running: what those need that a process is making.
        used_s: digest -> when a run last recorded something that names it, UNIX seconds.
    """

    runs: tuple[RunNeeds, ...]
    unreadable: Mapping[Path, str]
    files: frozenset[str] = field(init=False)
    unfinished: frozenset[str] = field(init=False)
    running: frozenset[str] = field(init=False)
    used_s: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "files", frozenset().union(*(run.files for run in self.runs)))
        put(self, "unfinished", frozenset().union(*(run.unfinished for run in self.runs)))
        put(self, "running", frozenset().union(*(run.unfinished for run in self.runs if run.is_running)))
        used_s: dict[str, float] = {}
        for run in sorted(self.runs, key=lambda one: one.used_s):
            used_s.update(dict.fromkeys((*run.files, *run.unfinished, *run.others), run.used_s))
        put(self, "used_s", used_s)

    @property
    def vague(self) -> frozenset[Kind]:
        """Kinds of which an older version did not record what unfinished clips need."""
        return frozenset().union(*(run.vague for run in self.runs))

    def may_be_of_unfinished(self, made_s: float) -> bool:
        """Says whether an unfinished run may have made, at some time, what no record names."""
        return any(run.may_have_made(made_s) for run in self.runs)


class KeptRuns:
    """Reads what kept runs need, and reads it again where they have changed.

    Args:
        store: the root of the store.
        folders: where to look for further runs, such as those of older versions, which the store does not list.
    """

    def __init__(self, store: Path, folders: Sequence[Path] = ()):
        self._store, self._folders = store, [Path(os.path.realpath(folder)) for folder in folders]
        self._read: dict[Path, tuple[object, RunNeeds]] = {}
        self._last = Needs((), {})

    def needs(self) -> Needs:
        """Returns what they need now."""
        noted = {one.root: one for one in noted_runs(self._store)}
        unreadable = {one.root: one.obstacle for one in noted.values() if one.obstacle}
        found: list[RunNeeds] = []
        below = (root for folder in self._folders for root in run_folders(folder))
        for root in sorted({*below, *(root for root in noted if root not in unreadable)}):
            try:
                needs = self._of(root, noted.get(root))
            except (OSError, UsageError) as error:
                unreadable[root] = str(error)
                continue
            if needs is not None:
                found.append(needs)
        if len(found) != len(self._last.runs) or any(map(is_not, found, self._last.runs)):
            self._last = Needs(tuple(found), unreadable)  # joining the digests of thousands of clips takes a while
        return replace(self._last, unreadable=unreadable) if unreadable != self._last.unreadable else self._last

    def _of(self, root: Path, noted: NotedRun | None) -> RunNeeds | None:
        """Returns what a run needs; None where its directory is gone, or it ended before it had any clips.

        Raises:
            UsageError: where that is unknown.
        """
        run_dir = RunDir(root)
        mark = _mark(run_dir.clips)
        if mark is None:
            if root.is_dir() and is_in_use(root):
                raise UsageError("it is just starting")
            return None
        known = self._read.get(root)
        if known is not None and known[0] == mark:
            needs = known[1]
        else:
            needs = _needs(run_dir, noted.began_s if noted else None)
        if needs.is_unsettled and needs.is_running != is_in_use(root):
            needs = replace(needs, is_running=not needs.is_running)
        self._read[root] = mark, needs
        return needs


def _needs(run_dir: RunDir, noted_s: float | None) -> RunNeeds:
    lines = run_dir.read_lines()
    records = [(line.record, line.record.get("state") == DONE) for line in lines.newest.values()]
    records += [(line.record, False) for line in lines.damaged if line.record]
    digests: dict[bool, set[str]] = {True: set(), False: set()}
    files: set[str] = set()
    vague: set[Kind] = set()
    for record, is_done in records:
        of_files, of_others = _digests(record)
        files |= of_files
        digests[is_done] |= of_others
        if not is_done and record.get("segments") and not _lists_all(record):
            vague |= {Kind.EMBEDS, Kind.TAIL}
    used_s = max(run_dir.clips.stat().st_mtime, _mtime(run_dir.events))
    return RunNeeds(
        root=run_dir.root,
        files=frozenset(files),
        unfinished=frozenset(digests[False]),
        others=frozenset(digests[True]),
        vague=frozenset(vague),
        is_unsettled=any(record.get("state") in UNSETTLED for record, is_done in records if not is_done),
        has_drafts=any(record.get("state") == DRAFTED for record, _ in records),
        began_s=min(noted_s or used_s, _mtime(run_dir.config) or used_s, used_s),
        used_s=used_s,
    )


def _digests(record: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Returns the digests of a clip's finished files, and those of all that it is made from."""
    named = record.get("artifacts")
    artifacts: Mapping[str, Any] = named if isinstance(named, dict) else {}
    files = [artifacts.get("export"), *_list(artifacts.get("exports"))]
    others = [artifacts.get(name) for name in ("prompt_embeds", "negative_prompt_embeds", "latents", "preview")]
    others += [one for name in ("texts", "frames", "tails") for one in _list(artifacts.get(name))]
    others += [one.get("latents") for one in _list(record.get("segments")) if isinstance(one, dict)]
    return {one for one in files if isinstance(one, str)}, {one for one in others if isinstance(one, str)}


def _lists_all(record: Mapping[str, Any]) -> bool:
    artifacts = record.get("artifacts")
    return isinstance(artifacts, dict) and isinstance(artifacts.get("frames"), list)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mark(path: Path) -> object:
    """Returns what changes with a file; None where there is none.

    Raises:
        OSError: where that is unknown.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
