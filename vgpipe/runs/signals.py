"""Lets Ctrl-C and SIGTERM cancel a run. Python runs signal handlers in the main thread alone, so only there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.exit_codes import EXIT_STOPPED

CONSEQUENCE = "saving a checkpoint and stopping; press again to stop immediately"


def end_process() -> None:
    """Ends the process at once, which is safe: everything on the disk is written whole or not at all."""
    os._exit(EXIT_STOPPED)


@contextmanager
def cancelled_by_signals(
    token: CancelToken,
    numbers: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
    again: Callable[[], None] = end_process,
) -> Iterator[CancelToken]:
    """Has signals cancel a token; in any thread but the main one this does nothing.

    Args:
        token: cancelled by the first signal.
        numbers: which signals.
        again: what the second signal does.

    Side effects:
        Replaces the handlers of these signals, and puts them back at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield token
        return
    is_first = True

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal is_first
        if not is_first or token.reason:
            again()
        is_first = False
        token.cancel(f"{signal.Signals(number).name} received", CONSEQUENCE)

    saved = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield token
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
