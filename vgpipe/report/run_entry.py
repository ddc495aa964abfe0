"""What the list of runs shows of one of them, kept for as long as its files stay as they are."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from vgpipe.errors import UsageError
from vgpipe.report.kept import Kept
from vgpipe.report.media import Media, MediaFile
from vgpipe.report.run_facts import (
    DONE,
    DRAFTED,
    FAILED,
    Failure,
    Now,
    Rendering,
    RunFacts,
    RunState,
    failures_of,
    rendering_of,
    run_facts,
    size_bytes,
)
from vgpipe.report.values import text_of
from vgpipe.store.run_folders import sweep_of
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir

MAX_PICTURES, MAX_FAILURES, MAX_WORKERS = 4, 2, 8
MAX_TEXT, MAX_PROMPTS_TEXT = 300, 4000
SHOWN_FIRST = {DONE: 0, DRAFTED: 1}
"""State of a clip -> its place among the pictures of a run."""
SHOWN_AS_PICTURE = ("poster", "still", "frames", "moving")
"""How files are shown (`vgpipe.report.media`) that may be the picture of a clip, the best first."""


class RunEntry:
    """One run in the list.

    Args:
        root: its directory, where it is read.
        names: from the served folder to it.
        typed: its directory as the user would type it.
        prefix: the folder that all URLs begin with; "" for none.
    """

    def __init__(self, root: Path, names: Sequence[str], typed: str, *, prefix: str = ""):
        self._root, self._typed = root, typed
        self._run_dir = RunDir(root)
        self._folder = "/".join(names)
        self._sweep = "/".join(names[:-1]) if sweep_of(Path(*names)) else ""
        self._url = "".join(f"{quote(os.fsencode(name))}/" for name in ((prefix, *names) if prefix else names))
        self._facts = Kept(self._read_facts)
        self._shown = Kept(self._read_clips)
        self._failures = Kept(lambda: failures_of(root, MAX_FAILURES))
        self._size = Kept(lambda: size_bytes(root))
        self._was_active = True
        self._last_mark: object = None

    def values(self) -> dict[str, Any] | None:
        """Returns plain values for the page; None where the folder holds no run any more."""
        mark = changes_with(self._run_dir)
        # Whether a process is at it costs more to learn than that nothing has changed.
        is_active = (self._was_active or mark != self._last_mark) and is_in_use(self._root)
        self._was_active, self._last_mark = is_active, mark
        found = self._facts.value((mark, is_active))
        if found is None:
            return None
        facts, read_at = found
        shown = self._shown.value(mark[0])
        return {
            "folder": self._folder,
            "url": f"{self._url}{self._run_dir.report.name}",
            "job": facts.job[:MAX_TEXT],
            "model": facts.model[:MAX_TEXT],
            "state": facts.state.value,
            "counts": {state: count for state, count in facts.counts.items() if count},
            "started": facts.started_at,
            "last": facts.last_at,
            "seconds": round(facts.seconds + (time.time() - read_at if facts.state is RunState.RENDERING else 0.0)),
            "reason": facts.reason[:MAX_TEXT],
            "size": self._size.value(mark),
            "sweep": self._sweep,
            "pictures": shown.pictures,
            "prompts": shown.prompts,
            "failures": [[one.clip[:MAX_TEXT], one.error[:MAX_TEXT]] for one in self._failed(facts, mark)],
            "command": self._command(facts.state),
            "is_active": facts.state.is_active,
            "now": _now(rendering_of(self._root)) if facts.state.is_active else None,
        }

    def _read_facts(self) -> tuple[RunFacts, float] | None:
        facts = run_facts(self._root)
        return None if facts is None else (facts, time.time())

    def _command(self, state: RunState) -> str | None:
        """Returns what the user types to have the run finished; None where there is nothing to do."""
        word = "continue" if state is RunState.PAUSED else "resume" if state.is_resumable else None
        typed = shlex.quote(self._typed)
        if state is RunState.DRAFTED:
            return f"python -m vgpipe continue {typed} all"
        return f"python -m vgpipe {word} {typed}" if word else None

    def _failed(self, facts: RunFacts, mark: object) -> Sequence[Failure]:
        return self._failures.value(mark) if facts.counts.get(FAILED) else ()

    def _read_clips(self) -> _Shown:
        media = Media(self._root)
        try:
            records = [line.record for line in self._run_dir.read_lines().shown()]
        except UsageError:  # gone since the listing
            return _Shown([], "")
        prompts = dict.fromkeys(text[:MAX_TEXT] for one in records if (text := text_of(one.get("prompt"))))
        records.sort(key=lambda one: SHOWN_FIRST.get(str(one.get("state")), len(SHOWN_FIRST)))
        found = (picture for one in records if (picture := _picture(media.files(one.get("files")))))
        pictures = [self._url + url.removeprefix("./") for url in islice(found, MAX_PICTURES)]
        return _Shown(pictures, "\n".join(prompts)[:MAX_PROMPTS_TEXT])


class _Shown(NamedTuple):
    """What the list shows of a run's clips.

    Attributes:
        pictures: URLs of pictures of the first clips that are done, then of drafts, then of those rejected.
        prompts: distinct ones, a line each, to be searched.
    """

    pictures: list[str]
    prompts: str


def order_of(values: Mapping[str, Any]) -> tuple[bool, float]:
    """Returns what to sort runs by, the newest one last: active ones by their start, which does not change."""
    if values["is_active"]:
        return True, values["started"] or 0.0
    return False, values["last"] or 0.0


def sweeps_in(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the folders of sweeps of which at least two runs are listed."""
    counts = Counter(values["sweep"] for values in runs if values["sweep"])
    return [sweep for sweep, count in counts.items() if count > 1]


def changes_with(run_dir: RunDir) -> tuple[object, object]:
    """Returns what changes with the records and the events of a run."""
    return _stamp(run_dir.clips), _stamp(run_dir.events)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _picture(files: Sequence[MediaFile]) -> str | None:
    """Returns the URL of an image that shows a clip; None where there is none."""
    images = {file["show"]: file["url"] for file in reversed(files) if file["show"] in SHOWN_AS_PICTURE}
    return next((images[show] for show in SHOWN_AS_PICTURE if show in images), None)


def _now(rendering: Rendering | None) -> dict[str, Any] | None:
    if rendering is None:
        return None
    left_s = None if rendering.finish_at is None else max(0, round(rendering.finish_at - time.time()))
    return {
        "fraction": round(rendering.fraction, 4),
        "left": left_s,
        "workers": [_worker(one) for one in rendering.workers[:MAX_WORKERS]],
        "more": max(0, len(rendering.workers) - MAX_WORKERS),
    }


def _worker(now: Now) -> dict[str, Any]:
    texts = {name: text[:MAX_TEXT] for name, text in asdict(now).items() if isinstance(text, str) and text}
    return texts | {name: value for name, value in asdict(now).items() if isinstance(value, int)}
