"""Listens to a run: decides which messages are sent, and notices when nothing happens any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType

from vgpipe.config.schema import NotifyConfig
from vgpipe.executor.cancel_token import duration_s
from vgpipe.executor.progress_state import ProgressListener, ProgressState
from vgpipe.notify import wording
from vgpipe.notify.facts import Ended, Failure
from vgpipe.notify.message import Message
from vgpipe.notify.pauses import Pauses
from vgpipe.units import clock, counted

log = logging.getLogger(__name__)

LOOKS = 10
"""How often a pause is looked at within the shortest that counts."""
MAX_LOOK_S = 10.0
NO_WORK = frozenset({"stalled", "deadline", "store_freed", "run_ended"})
"""Events that say nothing of whether the work continues."""
Send = Callable[[Message], None]
WriteEvent = Callable[..., None]


class RunListener:
    """Follows one run while it is the context.

    Args:
        config: when messages are sent.
        job: what the user calls the run.
        root: the run directory.
        send: sends a message, at once or later; None where there is nobody to tell.
        write_event: records an event of the run.
        failed_before: clips that failed in an earlier attempt at the run, which was reported then.
        pauses: when something happened; default: by `notify.stall_after`.
    """

    def __init__(
        self,
        config: NotifyConfig,
        job: str,
        root: Path,
        *,
        send: Send | None,
        write_event: WriteEvent,
        failed_before: Collection[str] = (),
        pauses: Pauses | None = None,
    ):
        self._on, self._job, self._root = frozenset(config.on), job, root
        self._send_now, self._write_event = send, write_event
        least_s = duration_s(config.stall_after)
        self._pauses = pauses or Pauses(least_s)
        self._look_s = min(MAX_LOOK_S, max(0.05, least_s / LOOKS))
        self._lock = threading.Lock()
        self._state: ProgressState | None = None
        self._failed_before = frozenset(failed_before)
        self._has_failed = self._will_miss = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="stalls", daemon=True)

    def __enter__(self) -> RunListener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def on_event(self, kind: str, facts: Mapping[str, object]) -> None:
        """Takes in an event of the run."""
        if kind == "paused":
            with self._lock:
                self._pauses.stop()
        elif kind == "continued":
            with self._lock:
                self._pauses.go_on()
        elif kind not in NO_WORK:
            self._happened()
        if kind == "clip_failed":
            self._note_failure(facts)
        elif kind == "deadline":
            self._note_deadline(facts)

    def listening(self, other: ProgressListener | None) -> ProgressListener:
        """Returns what the progress of the run is reported to, which also reports it to another listener."""

        def listener(state: ProgressState) -> None:
            self._state = state
            self._happened()
            if other is not None:
                other(state)

        return listener

    def ended(self, ended: Ended) -> None:
        """Tells that the run has ended."""
        self._send("end", lambda: wording.of_end(ended))

    def _happened(self) -> None:
        state = self._state
        doing = "" if state is None else f"{state.stage} {'loading' if state.loading else ''}".strip()
        with self._lock:
            pause_s = self._pauses.happened(doing)
        if pause_s:
            log.info("the run continues, after %s in which nothing happened", clock(pause_s))

    def _look(self) -> None:
        while not self._ended.wait(self._look_s):
            with self._lock:
                pause_s = self._pauses.stalled_s()
            if pause_s:
                self._tell_stall(pause_s)

    def _tell_stall(self, pause_s: float) -> None:
        state = self._state
        doing = "" if state is None else _doing(state)
        log.warning("nothing has happened for %s%s", clock(pause_s), f" (last: {doing})" if doing else "")
        self._write_event("stalled", seconds=round(pause_s, 1), last=doing)
        self._send("stall", lambda: wording.of_stall(self._job, pause_s, doing, self._how_far(), self._root))

    def _note_failure(self, facts: Mapping[str, object]) -> None:
        if self._has_failed or facts.get("clip") in self._failed_before:
            return
        self._has_failed = True
        failure = Failure(name=str(facts.get("clip")), error=str(facts.get("error") or "unknown"))
        self._send("failure", lambda: wording.of_failure(self._job, failure, self._how_far(), self._root))

    def _note_deadline(self, facts: Mapping[str, object]) -> None:
        """Tells once that a deadline will be missed, and again only if it would have been met in between."""
        done, of, least, most = (facts.get(name) for name in ("will_be_done", "of", "least", "most"))
        if not isinstance(done, int) or not isinstance(of, int):
            return
        was_told = self._will_miss
        # The plan's first forecast has a wide range: it is missed where even the upper bound is too low.
        self._will_miss = (was_told and done < of) or (most if isinstance(most, int) else done) < of
        if self._will_miss and not was_told:
            is_known = least == most
            span = "" if is_known or least is None or most is None else f" ({least} to {most})"
            clips = f"{'' if is_known else 'about '}{done} of {counted(of, 'clip')}{span}"
            at = str(facts.get("at", "the deadline"))
            self._send("deadline", lambda: wording.of_deadline(self._job, clips, at, self._how_far(), self._root))

    def _how_far(self) -> str:
        state = self._state
        if state is None:
            return "no clip has begun"
        return wording.how_far(state.clips_done, state.clips, state.eta_s, state.finish_at)

    def _send(self, occasion: str, message: Callable[[], Message]) -> None:
        if self._send_now is not None and occasion in self._on:
            self._send_now(message())


def _doing(state: ProgressState) -> str:
    steps = f", step {state.step} of {state.steps}" if state.step is not None and state.steps else ""
    loading = f", loading {state.loading}" if state.loading else ""
    return f"{state.stage}{f' of {state.clip}' if state.clip else ''}{steps}{loading}"
