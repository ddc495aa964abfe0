"""Finds what is appended to the job files of a run while it renders."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vgpipe.clips.requested import Request, request
from vgpipe.clips.totals import refuse_too_large
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault, UsageError, VgpipeError
from vgpipe.job.clip import Clip
from vgpipe.job.reading.find import find_job
from vgpipe.job.resolving.draws import new_origin
from vgpipe.runs.names import refuse_unwritable_names
from vgpipe.units import counted

log = logging.getLogger(__name__)

EVERY_S = 2.0
"""How often to look whether a file has changed."""
MAX_NAMED = 3
NOT_TAKEN = "the job has changed and is ignored until it changes again: %s"
Stamp = tuple[tuple[int, int, int] | None, ...]


def followed_config(config: Config, wanted: Request) -> Config:
    """Returns the config by which job files are read again: from any working directory, and with the same seeds.

    Args:
        config: of a run.
        wanted: its clips.

    Raises:
        ConfigError: where `run.follow` has no file to follow.
    """
    if not config.run.follow:
        return config
    if not config.jobs or wanted.job_lines is not None:
        fault = Fault("run.follow", "there is no job file to follow", "job=FILE, or leave out run.follow=true")
        raise ConfigError("invalid configuration", [fault])
    paths = tuple(str(find_job(one, Path.cwd()).absolute()) for one in config.jobs)
    origin = new_origin() if wanted.drawn_from is None else wanted.drawn_from
    return replace(config, job=paths[0] if len(paths) == 1 else paths, drawn_from=origin)


class JobFollower:
    """Reads the job files of a run again when they have changed, and keeps what is new until it is taken.

    A file that cannot be read, as one that is half saved, is one warning, and is read again later. Clips that are no
    longer in the files are rendered all the same.

    Args:
        config: of the run, with `followed_config`.
        clips: those that the run has.
    """

    def __init__(self, config: Config, clips: Sequence[Clip]):
        self._config = config
        self._paths = [Path(one) for one in config.jobs]
        self._known = {clip.id for clip in clips}
        self._new: tuple[Clip, ...] = ()
        self._vanished: set[str] = set()
        self._seen: Stamp | None = None  # what changed since the clips were read is found at the first look
        self._warned: tuple[Stamp, str] | None = None
        self._looked_s = float("-inf")
        self._lock = threading.Lock()

    def look(self) -> None:
        """Reads files that have changed; to be called often, and by any thread."""
        if time.monotonic() - self._looked_s < EVERY_S or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked_s = time.monotonic()
            self._read_changed()
        finally:
            self._lock.release()

    def take(self) -> tuple[Clip, ...]:
        """Returns the clips that the files have and the run has not; it has them from now on."""
        with self._lock:
            if self._warned is not None:
                self._seen = None  # what is read again later: now
            self._read_changed()
            taken, self._new = self._new, ()
            self._known |= {clip.id for clip in taken}
            return taken

    def refuse(self, clips: Sequence[Clip], error: VgpipeError) -> None:
        """Notes that clips cannot be made, until a file changes again."""
        with self._lock:
            self._known -= {clip.id for clip in clips}
        log.warning(NOT_TAKEN, _what(error))

    def _read_changed(self) -> None:
        stamp = tuple(map(_stamp, self._paths))
        if stamp == self._seen:
            return
        try:
            found = request(self._config)
            new = tuple(clip for clip in found.clips if clip.id not in self._known)
            refuse_unwritable_names(new)
            refuse_too_large(self._config, new)
        except VgpipeError as error:
            self._warn(stamp, error)
        else:
            self._warned = None
            self._note(new, {clip.id for clip in found.clips})
        self._seen = stamp

    def _warn(self, stamp: Stamp, error: VgpipeError) -> None:
        if self._warned != (stamp, str(error)):
            log.warning(NOT_TAKEN, _what(error))
        self._warned = stamp, str(error)

    def _note(self, new: tuple[Clip, ...], found: set[str]) -> None:
        added = [clip for clip in new if clip not in self._new]
        if added:
            log.info("%s added to the job: rendered after the others (%s)", counted(len(added), "clip"), _named(added))
        self._new = new
        vanished = self._known - found
        if vanished - self._vanished:
            told = counted(len(vanished - self._vanished), "clip")
            log.warning("%s no longer in the job: rendered all the same", told)
        self._vanished = vanished


def _what(error: VgpipeError) -> str:
    """Returns what is wrong, without what is said where a run cannot start because of it."""
    faults = error.faults if isinstance(error, UsageError) else ()
    more = f"; and {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
    return "; ".join(map(str, faults[:MAX_NAMED])) + more or str(error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _named(clips: Sequence[Clip]) -> str:
    more = f" and {len(clips) - MAX_NAMED} more" if len(clips) > MAX_NAMED else ""
    return ", ".join(clip.id for clip in clips[:MAX_NAMED]) + more


def looking(asks_for_pause: Callable[[], bool], follower: JobFollower | None) -> Callable[[], bool]:
    """Returns what an attempt asks once a second: whether to pause; it also looks at the job files."""
    if follower is None:
        return asks_for_pause

    def ask() -> bool:
        follower.look()
        return asks_for_pause()

    return ask
