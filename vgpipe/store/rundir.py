"""A run's directory: the only module that knows the paths of its files, but for those of clips (`placed_files.py`)."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from vgpipe.errors import StoreError, UsageError
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.store.clip_lines import ClipLine, ClipLines, read_clip_lines
from vgpipe.store.durable import flush_parents, replace_file, temporary_path
from vgpipe.store.placed_files import FILE_FOLDERS, Among, PlacedFiles
from vgpipe.store.run_lines import append_line, clip_line, line_of, object_in
from vgpipe.store.run_lock import LOCK_NAME, RunLock
from vgpipe.terminal import on_one_line
from vgpipe.units import MIB

log = logging.getLogger(__name__)

DOES_NOT_FIT = "does not fit its checksum: it was changed or damaged"
MAX_NAMED = 80
MAX_BYTES = 256 * MIB
"""Of plan.json and events.jsonl, which have a line or two for each clip and stage."""


class RunDir:
    """Names and writes the files of one run.

    As a context manager it holds the directory's lock, so that two processes never write one run.
    """

    def __init__(self, root: Path):
        self.root = root
        self.config = root / "config.yaml"
        self.clips = root / "clips.jsonl"
        self.record = root / "run.json"
        self.job = root / "prompts.jsonl"
        self.events = root / "events.jsonl"
        self.log = root / "run.log"
        self.plan = root / "plan.json"
        self.progress = root / "progress.json"
        self.inputs = root / "inputs.json"
        self.report = root / "report.html"
        self.report_data = root / "report-data.js"
        self.report_live = root / "report-live.js"
        self.contact_sheet = root / "contact-sheet.png"
        self._lock = RunLock(root)
        self._files = PlacedFiles(root)

    def __enter__(self) -> RunDir:
        self._lock.acquire()
        try:
            if not self.config.exists():  # a new run, whose folders Hydra may have made
                flush_parents(self.root)
        except OSError as error:
            self._lock.release()
            raise StoreError(f"{self.root} cannot be written: {error} -> hydra.run.dir=DIR") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def lock_note(self) -> str:
        """What the user should know of the lock; empty where it is an ordinary one."""
        return self._lock.note

    def write_config(self, text: str) -> None:
        """Writes the resolved config (YAML text).

        Raises:
            StoreError: if the directory cannot be written.
        """
        replace_file(self.config, text.encode())

    def write_job(self, lines: str) -> None:
        """Writes a job that was given as values rather than as a file (JSON lines).

        Raises:
            StoreError: if the directory cannot be written.
        """
        replace_file(self.job, lines.encode())

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Writes plan.json atomically; replaces the plan (plain values) of an earlier attempt.

        Raises:
            StoreError: if the directory cannot be written.
        """
        replace_file(self.plan, json.dumps(plan, indent=1, ensure_ascii=False).encode() + b"\n")

    def read_plan(self) -> dict[str, Any] | None:
        """Returns the content of plan.json; None if it does not exist or cannot be read."""
        try:
            plan = json.loads(read_outside(self.plan, max_bytes=MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        return plan if isinstance(plan, dict) else None

    def write_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Writes inputs.json atomically: what the store keys of the run's clips were made of.

        Raises:
            StoreError: if the directory cannot be written.
        """
        replace_file(self.inputs, line_of(inputs))

    def read_inputs(self) -> dict[str, Any] | None:
        """Returns the content of inputs.json; None where there is none, as in older runs, or it cannot be read."""
        try:
            return object_in(read_outside(self.inputs, max_bytes=MAX_BYTES).decode("utf-8", "replace"))
        except OSError:
            return None

    def write_progress(self, progress: Mapping[str, Any]) -> None:
        """Replaces progress.json: a reader sees the old one or the new one. It is not flushed: it is soon replaced.

        Raises:
            StoreError: if the directory cannot be written.
        """
        self._replace(self.progress, line_of(progress))

    def write_live(self, data: str) -> None:
        """Replaces what the page of a run that renders loads every few seconds; not flushed, as above.

        Args:
            data: JavaScript.

        Raises:
            StoreError: if the directory cannot be written.
        """
        self._replace(self.report_live, data.encode())

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = temporary_path(path)
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"{path} cannot be written: {error}") from error

    def read_progress(self) -> dict[str, Any]:
        """Returns the content of progress.json; empty where there is none, or it cannot be read."""
        try:
            return object_in(read_outside(self.progress, max_bytes=MIB).decode("utf-8", "replace")) or {}
        except OSError:
            return {}

    def write_clips(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Rewrites clips.jsonl atomically, one line per clip."""
        self._files.flush()
        replace_file(self.clips, b"".join(clip_line(record) for record in records))

    def append_clip(self, record: Mapping[str, Any]) -> None:
        """Appends a clip's newest record; the last line of a clip counts."""
        self._files.flush()
        append_line(self.clips, clip_line(record), flush_to_disk=True)

    def read_lines(self, *, must_be_sealed: bool = False) -> ClipLines:
        """Returns the newest line of each clip, and those that were changed or damaged.

        Args:
            must_be_sealed: whether every line has a checksum, as those of this version do.

        Raises:
            UsageError: if the directory holds no run, or its clips.jsonl cannot be read.
        """
        try:
            return read_clip_lines(self.clips, must_be_sealed=must_be_sealed)
        except OutsideFileError as error:
            remedy = "give the directory of a run, which contains clips.jsonl"
            if error.refusal is Refusal.MISSING:
                raise UsageError(f"{self.root} holds no run (no clips.jsonl) -> {remedy}") from None
            raise UsageError(f"{self.clips} cannot be read: {error} -> {remedy}") from None

    def read_clips(self, *, warn: bool = True) -> list[dict[str, Any]]:
        """Returns the newest record of each clip, in job order, for a reader who only looks.

        A line that was changed or damaged is shown as it reads, with a note that says so; one that is no JSON, as a
        crash leaves it, is skipped.

        Args:
            warn: whether to log such lines; not while another thread may be writing one.

        Raises:
            UsageError: if the directory holds no run.
        """
        lines = self.read_lines()
        if warn:
            for line in lines.damaged:
                log.warning("%s", self.described(line))
        damaged = {line.number for line in lines.damaged}
        return [_noted(line) if line.number in damaged else line.record for line in lines.shown()]

    def described(self, line: ClipLine) -> str:
        """Returns which line was changed or damaged, and of which clip."""
        if not line.clip:
            return f"{self.clips}:{line.number} is incomplete and skipped: {on_one_line(line.start)}"
        return f"{self.clips}:{line.number} (clip {on_one_line(line.clip[:MAX_NAMED])}): {DOES_NOT_FIT}"

    def folds_case(self) -> bool:
        """Returns whether the disk takes two names that differ in case for one; only while holding the lock."""
        return (self.root / LOCK_NAME.swapcase()).exists()

    def holds_run(self) -> bool:
        """Returns whether the directory holds a run."""
        return self.clips.is_file()

    def append_event(self, kind: str, **facts: Any) -> None:
        """Appends one event with the current time (UNIX seconds)."""
        line = line_of({"time": round(time.time(), 3), "event": kind, **facts})
        append_line(self.events, line, flush_to_disk=False)

    def read_events(self) -> list[dict[str, Any]]:
        """Returns the events so far, in order; skips incomplete lines. Empty without a file."""
        found = [object_in(line) for line in self.event_text().decode("utf-8", "replace").split("\n")]
        return [event for event in found if event is not None]

    def event_text(self) -> bytes:
        """Returns events.jsonl as it is; empty without a file."""
        try:
            return read_outside(self.events, max_bytes=MAX_BYTES)
        except OSError:
            return b""

    def write_report(self, page: str | None, data: str) -> None:
        """Writes the page that shows the run and the data that it loads, each atomically.

        Args:
            page: HTML; None leaves the page as it is.
            data: JavaScript.

        Raises:
            StoreError: if the directory cannot be written.
        """
        replace_file(self.report_data, data.encode())
        if page is not None:
            replace_file(self.report, page.encode())

    def place(
        self, kind: str, stem: str, sources: list[Path], taken: Collection[str] = (), *, among: Among = Among.FINISHED
    ) -> str:
        """Adds a clip's files to the run, hard-linked from the store where possible.

        Args:
            kind: `frames` (`frames_2`, ...) for a folder of images, `sheet`, `poster` or `last_frame` for an image, any
                other for one video file.
            stem: what the names of the clip's files begin with; shortened where the whole name would be too long.
            sources: files in the store.
            taken: paths of the clip's other files, which are kept.
            among: where they lie: of a clip that a check rejects images and videos lie under `rejected`, and what lies
                where good ones do is removed; those of a draft lie under `previews`.

        Returns:
            The path relative to the run, with forward slashes.
        """
        return self._files.place(kind, stem, sources, taken, among=among)

    def path_of(self, relative: object) -> Path | None:
        """Returns the path of a file that a clip's record names, `videos/x.mp4`; None for any other kind of path.

        It need not exist, and a link in its place may lead elsewhere.
        """
        return self._files.path_of(relative)

    def has(self, relative: str) -> bool:
        """Returns whether a file named in a clip's record exists."""
        return os.path.exists(f"{self.root}/{relative}") and self.path_of(relative) is not None

    def discard(self, relative: str) -> None:
        """Removes a file or folder named in a clip's record; leaves paths outside the run alone."""
        self._files.discard(relative)

    def sweep_leftovers(self) -> None:
        """Removes temporary files that a killed process left; only call while holding the lock."""
        for folder in (self.root, *(self.root / name for name in FILE_FOLDERS)):
            for path in folder.glob(".tmp-*"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _noted(line: ClipLine) -> dict[str, Any]:
    notes = line.record.get("notes")
    said = f"line {line.number} of clips.jsonl {DOES_NOT_FIT}"
    return {**line.record, "notes": [*(notes if isinstance(notes, list) else []), said]}
