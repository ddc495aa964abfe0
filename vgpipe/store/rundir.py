"""A run's directory: the only module that knows the paths of its files."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from vgpipe.errors import StoreError, UsageError
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.store.clip_lines import ClipLine, ClipLines, read_clip_lines
from vgpipe.store.durable import (
    flush_folder,
    flush_parents,
    link_or_copy,
    make_folder,
    open_to_append,
    replace_file,
    temporary_path,
)
from vgpipe.store.run_lock import LOCK_NAME, DirectoryInUse, RunLock
from vgpipe.store.seal import sealed
from vgpipe.terminal import on_one_line
from vgpipe.units import MIB

log = logging.getLogger(__name__)

CLIPS_SCHEMA = 1
DOES_NOT_FIT = "does not fit its checksum: it was changed or damaged"
MAX_NAMED = 80
MAX_FILE_NAME_BYTES = 255
REJECTED = "rejected"
"""The folder of the files of clips that a check rejected."""
MAX_BYTES = 256 * MIB
"""Of plan.json and events.jsonl, which have a line or two for each clip and stage."""
PICTURE_FOLDERS = {"sheet": "sheets", "poster": "sheets", "last_frame": "last_frames"}
"""Kind of a file -> the folder of it, where that is not `videos`."""
FILE_FOLDERS = ("videos", "frames", REJECTED, *dict.fromkeys(PICTURE_FOLDERS.values()))
CLOCK_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def unused_directory(root: Path) -> Path:
    """Returns `root`, or `root-2`, `root-3`, ... if another run uses a name made from the clock.

    A name that the user chose is returned as it is: a run there resumes in place.
    """
    number, candidate = 1, root
    while CLOCK_NAME.fullmatch(root.name) and _holds_run(candidate):
        number += 1
        candidate = root.with_name(f"{root.name}-{number}")
    return candidate


def claimed_directory(root: Path) -> Path:
    """Makes `root`, or `root-2`, `root-3`, ... if it is a name made from the clock that another run has taken.

    A directory that the user chose is left as it is.
    """
    number, candidate = 1, root
    while CLOCK_NAME.fullmatch(root.name):
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            number += 1
            candidate = root.with_name(f"{root.name}-{number}")
    return root


def _holds_run(root: Path) -> bool:
    # Some releases of filelock remove the lock file with the lock.
    return (root / LOCK_NAME).exists() or RunDir(root).config.exists()


@contextmanager
def unused_run(root: Path) -> Iterator[RunDir]:
    """Locks `unused_directory(root)`, or the next one where another process takes it at the same moment.

    Raises:
        UsageError: where another process uses a directory that the user chose.
        StoreError: where the directory cannot be created.
    """
    while True:
        candidate = unused_directory(root)
        is_ours_to_choose = CLOCK_NAME.fullmatch(root.name) is not None
        try:
            with RunDir(candidate) as run_dir:
                if is_ours_to_choose and run_dir.config.exists():  # a whole run since the look-up
                    continue
                yield run_dir
                return
        except DirectoryInUse:
            if not is_ours_to_choose:
                raise


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
        self.contact_sheet = root / "contact-sheet.png"
        self._lock = RunLock(root)
        self._unflushed: set[Path] = set()

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
        replace_file(self.inputs, _line(inputs))

    def read_inputs(self) -> dict[str, Any] | None:
        """Returns the content of inputs.json; None where there is none, as in older runs, or it cannot be read."""
        try:
            return _object(read_outside(self.inputs, max_bytes=MAX_BYTES).decode("utf-8", "replace"))
        except OSError:
            return None

    def write_progress(self, progress: Mapping[str, Any]) -> None:
        """Replaces progress.json: a reader sees the old one or the new one. It is not flushed: it is soon replaced.

        Raises:
            StoreError: if the directory cannot be written.
        """
        temporary = temporary_path(self.progress)
        try:
            temporary.write_bytes(_line(progress))
            os.replace(temporary, self.progress)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"{self.progress} cannot be written: {error}") from error

    def read_progress(self) -> dict[str, Any]:
        """Returns the content of progress.json; empty where there is none, or it cannot be read."""
        try:
            return _object(read_outside(self.progress, max_bytes=MIB).decode("utf-8", "replace")) or {}
        except OSError:
            return {}

    def write_clips(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Rewrites clips.jsonl atomically, one line per clip."""
        self._flush_placed()
        replace_file(self.clips, b"".join(_clip_line(record) for record in records))

    def append_clip(self, record: Mapping[str, Any]) -> None:
        """Appends a clip's newest record; the last line of a clip counts."""
        self._flush_placed()
        _append_line(self.clips, _clip_line(record), flush_to_disk=True)

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
        line = _line({"time": round(time.time(), 3), "event": kind, **facts})
        _append_line(self.events, line, flush_to_disk=False)

    def read_events(self) -> list[dict[str, Any]]:
        """Returns the events so far, in order; skips incomplete lines. Empty without a file."""
        found = [_object(line) for line in self.event_text().decode("utf-8", "replace").split("\n")]
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
        self, kind: str, stem: str, sources: list[Path], taken: Collection[str] = (), *, is_rejected: bool = False
    ) -> str:
        """Adds a clip's files to the run, hard-linked from the store where possible.

        Args:
            kind: `frames` (`frames_2`, ...) for a folder of images, `sheet`, `poster` or `last_frame` for an image, any
                other for one video file.
            stem: what the names of the clip's files begin with; shortened where the whole name would be too long.
            sources: files in the store.
            taken: paths of the clip's other files, which are kept.
            is_rejected: whether a check failed: then images and videos lie under `rejected`, and what lies where good
                ones do is removed.

        Returns:
            The path relative to the run, with forward slashes.
        """
        if kind.partition("_")[0] == "frames":  # `frames_2` where two exporters fell back on images
            own = "" if kind == "frames" else f".{kind}"
            folder = self._folder("frames", _fitted(stem, own), is_rejected=is_rejected)
            return self._place_folder(self.root / folder / _fitted(stem, own), sources)
        folder, suffix = PICTURE_FOLDERS.get(kind, "videos"), sources[0].suffix
        if folder != "sheets":
            folder = self._folder(folder, _fitted(stem, suffix), is_rejected=is_rejected)
        own = f".{kind}" if kind == "poster" or f"{folder}/{_fitted(stem, suffix)}" in taken else ""
        relative = f"{folder}/{_fitted(stem, own + suffix)}"
        target = Path(f"{self.root}/{relative}")
        try:
            link_or_copy(sources[0], target)
        except FileNotFoundError:  # only for the first clip: a run may have thousands
            make_folder(target.parent)
            link_or_copy(sources[0], target)
        self._unflushed.add(target.parent)
        return relative

    def _folder(self, folder: str, name: str, *, is_rejected: bool) -> str:
        """Returns the folder of a clip's file; removes one from among the good ones that a killed process left."""
        if is_rejected:
            self.discard(f"{folder}/{name}")
        return REJECTED if is_rejected else folder

    def path_of(self, relative: object) -> Path | None:
        """Returns the path of a file that a clip's record names, `videos/x.mp4`; None for any other kind of path.

        It need not exist, and a link in its place may lead elsewhere.
        """
        parts = relative.split("/") if isinstance(relative, str) else []
        if not 1 <= len(parts) <= 2 or not set(parts).isdisjoint(("", ".", "..")):
            return None
        relative = "/".join(parts)
        # A backslash separates folders and a colon names a drive on Windows only.
        return None if "\\" in relative or ":" in relative else self.root / relative

    def has(self, relative: str) -> bool:
        """Returns whether a file named in a clip's record exists."""
        return os.path.exists(f"{self.root}/{relative}") and self.path_of(relative) is not None

    def discard(self, relative: str) -> None:
        """Removes a file or folder named in a clip's record; leaves paths outside the run alone."""
        path = self.path_of(relative)
        if path is None or path.parent.resolve().parent != self.root.resolve():
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def sweep_leftovers(self) -> None:
        """Removes temporary files that a killed process left; only call while holding the lock."""
        for folder in (self.root, *(self.root / name for name in FILE_FOLDERS)):
            for path in folder.glob(".tmp-*"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _flush_placed(self) -> None:
        """Forces the names of placed files to the disk, before a record says that they are there.

        Raises:
            StoreError: where that fails.
        """
        while self._unflushed:
            folder = self._unflushed.pop()
            try:
                flush_folder(folder)
            except FileNotFoundError:  # somebody removed it: the next run places its files again
                continue
            except OSError as error:
                raise StoreError(f"{folder} cannot be written: {error}") from error

    def _place_folder(self, target: Path, sources: list[Path]) -> str:
        temporary = temporary_path(target)
        try:
            make_folder(target.parent)
            temporary.mkdir()
            for source in sources:
                link_or_copy(source, temporary / source.name)
            flush_folder(temporary)
            self._unflushed.add(target.parent)
            if target.exists():
                shutil.rmtree(target)
            os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target.relative_to(self.root).as_posix()


def _fitted(stem: str, ending: str) -> str:
    """Returns a file's name; the stem of one that no file system would take is cut, and made unique by a digest."""
    if len(f"{stem}{ending}".encode()) <= MAX_FILE_NAME_BYTES:
        return f"{stem}{ending}"
    ending = f"~{hashlib.sha256(stem.encode()).hexdigest()[:8]}{ending}"
    return f"{stem.encode()[: MAX_FILE_NAME_BYTES - len(ending)].decode(errors='ignore')}{ending}"


def _noted(line: ClipLine) -> dict[str, Any]:
    notes = line.record.get("notes")
    said = f"line {line.number} of clips.jsonl {DOES_NOT_FIT}"
    return {**line.record, "notes": [*(notes if isinstance(notes, list) else []), said]}


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # the latter: nested deeper than any record
        return None
    return value if isinstance(value, dict) else None


def _append_line(path: Path, line: bytes, *, flush_to_disk: bool) -> None:
    try:
        with open_to_append(path) as file:
            if file.tell() and not _ends_with_newline(path):
                line = b"\n" + line  # a crash cut off the last line: keep it apart
            file.write(line)
            if flush_to_disk:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


def _line(record: Mapping[str, Any]) -> bytes:
    text = _ENCODER.encode(record)
    # Readers that split at every Unicode line end would split a prompt that contains one.
    escaped = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
    return escaped.encode() + b"\n"


def _clip_line(record: Mapping[str, Any]) -> bytes:
    return sealed(_line({"schema": CLIPS_SCHEMA, **record})) + b"\n"


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
