"""What a worker has in place of a run's records, progress and turns: each tells the driver."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import Stopped
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.workers.messages import (
    Began,
    Claim,
    ClipEnded,
    Event,
    FromWorker,
    LoadsPart,
    Made,
    PieceDone,
    PieceDropped,
    StepDone,
)
from vgpipe.store.artifacts import Artifact
from vgpipe.store.digest import Key

Send = Callable[[FromWorker], None]

STEPS_EVERY_S = 0.1
ASKED_EVERY_S = 0.2
"""Between two looks at whether to stop, while a worker waits for another one's text."""


class ToldRecords:
    """Records of a run whose directory the driver has; a `ClipRecords`.

    Args:
        send: sends to the driver.
        ended: returns the message of a clip that has its final status.
    """

    def __init__(self, send: Send, ended: Callable[[ClipState], ClipEnded]):
        self._send, self._ended = send, ended

    def event(self, kind: str, **facts: object) -> None:
        """Sends an event."""
        self._send(Event(kind, facts))

    def settle(self, state: ClipState) -> None:
        """Sends the end of a clip."""
        self._send(self._ended(state))


class ToldProgress:
    """Progress that the driver counts; a `WorkCounter`. Steps are sent ten times a second at most.

    Args:
        send: sends to the driver.
    """

    def __init__(self, send: Send):
        self._send = send
        self._sent_s = 0.0

    def begin(
        self, stage: str, clip: str = "", *, segment: tuple[int, int] | None = None, is_canary: bool = False
    ) -> None:
        """Sends what runs from now on."""
        self._sent_s = 0.0
        self._send(Began(stage, clip, segment, is_canary))

    def step(self, done: int, total: int) -> None:
        """Sends how many steps are done."""
        now_s = time.monotonic()
        if done == total or now_s - self._sent_s >= STEPS_EVERY_S:
            self._sent_s = now_s
            self._send(StepDone(done, total))

    def loading(self, part: str) -> None:
        """Sends which component is loaded now."""
        self._send(LoadsPart(part))

    def advance(self, stage: str, seconds: float, name: str) -> None:
        """Sends one finished piece of the job's own work."""
        self._send(PieceDone(stage, seconds, name))

    def tried(self, stage: str, seconds: float, name: str, typical_s: float) -> None:
        """Sends one finished piece of a canary."""
        self._send(PieceDone(stage, seconds, name, typical_s))

    def drop(self, stage: str) -> None:
        """Sends that a piece will not be done."""
        self._send(PieceDropped(stage))

    def clip_done(self) -> None:
        """Sends nothing: the end of the clip says it."""


class AskedTurns:
    """Asks the driver whose turn it is to encode a text; a `TextTurns`.

    Args:
        send: sends to the driver.
        should_stop: asked while it waits for the answer.
    """

    def __init__(self, send: Send, should_stop: Callable[[], bool]):
        self._send, self._should_stop = send, should_stop
        self._answers: dict[str, bool] = {}
        self._news = threading.Condition()

    def take(self, key: Key) -> bool:
        """Says whether a text is to be encoded here; waits where another worker does, and then it is in the store.

        Raises:
            Stopped: where the run is to stop meanwhile.
        """
        self._send(Claim(key))
        with self._news:
            while key.digest not in self._answers:
                self._news.wait(ASKED_EVERY_S)
                if self._should_stop():
                    raise Stopped("stopped before encode")
            return self._answers.pop(key.digest)

    def ended(self, key: Key, *, is_there: bool) -> None:
        """Sends that a text is in the store, or could not be encoded."""
        self._send(Made(key.digest, is_there))

    def answer(self, digest: str, *, is_yours: bool) -> None:
        """Takes the driver's answer; from any thread."""
        with self._news:
            self._answers[digest] = is_yours
            self._news.notify_all()


class UnplacedDelivery(ExportDelivery):
    """Exports clips into the store; the driver places their files into the run."""

    def place(self, state: ClipState, artifacts: Sequence[Artifact]) -> None:
        """Places nothing."""
