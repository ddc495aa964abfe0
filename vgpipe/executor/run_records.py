"""What a run writes of itself: the records of its clips, and events for charts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from vgpipe.clips.clip_record import record_of
from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.clips.judging import failed
from vgpipe.errors import StoreError
from vgpipe.store.rundir import RunDir
from vgpipe.units import counted

log = logging.getLogger(__name__)


MAX_TITLE = 200
MAX_OVERRIDES, MAX_OVERRIDE = 100, 300
EventListener = Callable[[str, Mapping[str, object]], None]
"""Is given the kind of an event and its facts, in whatever thread it comes up."""


class RunRecords:
    """Writes clips.jsonl and events.jsonl of a run.

    Args:
        run_dir: where they lie.
        on_unwritable: called with the reason when clips can no longer be recorded; stops the run.
        title: what the user calls the job; empty where that is unknown.
        notes: what the user should know about how the job was read.
        overrides: of the command line, `key=value` each; pages name by them what sets runs of a sweep apart.
    """

    def __init__(
        self,
        run_dir: RunDir,
        on_unwritable: Callable[[str], None],
        title: str = "",
        notes: Sequence[str] = (),
        overrides: Sequence[str] = (),
    ):
        self._run_dir, self._on_unwritable, self._title, self._notes = run_dir, on_unwritable, title, notes
        self._overrides = [one[:MAX_OVERRIDE] for one in overrides[:MAX_OVERRIDES]]
        self._has_begun = self._is_complete = False
        self._next = ""
        self._listeners: list[EventListener] = []

    def listen(self, listener: EventListener) -> None:
        """Has a listener hear of every event from now on; one that raises is left alone from then on."""
        self._listeners.append(listener)

    def begin(self, states: Sequence[ClipState]) -> None:
        """Writes every clip's record, at the start of a run and of each further attempt.

        Raises:
            StoreError: where the run directory cannot be written.
        """
        self._run_dir.write_clips(record_of(state) for state in states)
        self._is_complete = all(state.is_made for state in states)
        done = sum(state.is_made for state in states)
        if self._has_begun:
            pending = sum(state.is_pending for state in states)
            self.event("attempt_started", clips=pending)
            log.info("%s", self._next or f"trying {counted(pending, 'clip')} again")
            self._next = ""
            return
        self._has_begun = True
        named = {"job": self._title[:MAX_TITLE]} if self._title else {}
        noted = {"notes": list(self._notes)} if self._notes else {}
        typed = {"overrides": self._overrides} if self._overrides else {}
        self.event("run_started", clips=len(states), reused=done, **named, **noted, **typed)
        for state in states:
            self._tell_of_rejection(state)
        if done:
            log.info("%d of %s already in the store", done, counted(len(states), "clip"))

    def next_attempt(self, said: str) -> None:
        """Notes what the log says when the next attempt begins, rather than that clips are tried again."""
        self._next = said

    def end(self, states: Sequence[ClipState], stop_reason: str) -> None:
        """Writes every clip's last record; logs what cannot be written.

        Args:
            states: all clips of the run.
            stop_reason: why the run stopped early; "" where it did not.
        """
        counts = {status.value: sum(state.status is status for state in states) for status in Status}
        self.event("run_ended", reason=stop_reason or "finished", **counts)
        if self._is_complete:  # nothing has changed since it was written
            return
        try:
            self._run_dir.write_clips(record_of(state) for state in states)
        except StoreError as error:
            log.error("%s", error)

    def settle(self, state: ClipState, **facts: object) -> None:
        """Appends the record of a clip that has its final status; a canary has no record, only an event.

        Args:
            state: the clip.
            facts: further ones for the event.
        """
        kind = "canary" if state.is_canary else "clip"
        self._tell_of_rejection(state)
        self.event(f"{kind}_{state.status.value}", clip=state.clip.id, error=state.error, **facts)
        if state.is_canary:
            return
        try:
            self._run_dir.append_clip(record_of(state))
        except StoreError as error:
            self._on_unwritable(str(error))

    def _tell_of_rejection(self, state: ClipState) -> None:
        verdict = failed(state.verdicts)
        if state.is_rejected and not state.is_canary and verdict is not None:
            self.event("clip_rejected", clip=state.clip.id, check=verdict.check, says=verdict.says)

    def event(self, kind: str, **facts: object) -> None:
        """Appends an event; leaves out one that cannot be written."""
        try:
            self._run_dir.append_event(kind, **facts)
        except StoreError as error:
            log.debug("%s", error)
        for listener in tuple(self._listeners):
            try:
                listener(kind, facts)
            except Exception as error:  # whatever a listener does, the clips matter more
                self._listeners.remove(listener)
                log.warning("events are no longer heard by one that listens: %s: %s", type(error).__name__, error)
                log.debug("traceback of the listener", exc_info=error)
