"""When one attempt at a run's clips stops: for what stops the whole run, and for a pause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vgpipe.executor.cancel_token import CancelToken

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""How often to look whether a pause is asked for."""
PAUSED = "pause"


class AttemptStop(CancelToken):
    """Stops an attempt in order, like the token of the run; a pause stops the attempt alone, and can be taken back.

    Whoever works on an attempt may cancel the whole run through it.

    Args:
        run: says when the run stops.
        asks_for_pause: says whether a pause is asked for; called about once a second.
    """

    def __init__(self, run: CancelToken, asks_for_pause: Callable[[], bool]) -> None:
        super().__init__(run)
        self._run, self._asks_for_pause = run, asks_for_pause
        self._is_paused = False
        self._looked_s = float("-inf")

    @property
    def reason(self) -> str:
        """Why to stop; empty while there is no reason."""
        return self._run.reason or (PAUSED if self._is_paused else "")

    @property
    def is_paused(self) -> bool:
        """Whether the attempt stops, or has stopped, for a pause alone."""
        return self._is_paused and not self._run()

    def cancel(self, reason: str = "cancelled", consequence: str = "stopping; finish it with resume") -> None:
        """Asks the run for an orderly stop."""
        self._run.cancel(reason, consequence)

    def begin_again(self) -> None:
        """Ends the pause: another attempt begins."""
        self._is_paused = False

    def __call__(self) -> bool:
        """Says whether to stop now."""
        return self._run() or self._is_paused or self._look()

    def _look(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._looked_s < EVERY_S:
            return False
        self._looked_s = now_s
        if self._asks_for_pause():
            self._is_paused = True
            log.warning("a pause is asked for: saving a checkpoint and freeing memory")
        return self._is_paused
