"""Lets Ctrl-C, SIGTERM and SIGHUP cancel a run. Python runs signal handlers in the main thread alone, so only there."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.exit_codes import EXIT_STOPPED

HANG_UP = getattr(signal, "SIGHUP", None)
"""What the processes of a terminal get when it is closed; Windows has none."""
NUMBERS = (signal.SIGINT, signal.SIGTERM, *([HANG_UP] if HANG_UP is not None else []))
CONSEQUENCE = "saving a checkpoint and stopping; press again to stop immediately"


def end_process() -> None:
    """Ends the process at once, which is safe: everything on the disk is written whole or not at all."""
    os._exit(EXIT_STOPPED)


@contextmanager
def cancelled_by_signals(
    token: CancelToken,
    numbers: Sequence[signal.Signals] = NUMBERS,
    again: Callable[[], None] = end_process,
) -> Iterator[CancelToken]:
    """Has signals cancel a token; in any thread but the main one this does nothing.

    A SIGHUP that is ignored, as under nohup, stays ignored. One that arrives never counts as a second signal: the
    shell, the kernel and systemd may each send one when a terminal is closed, or beside SIGTERM.

    Args:
        token: cancelled by the first signal.
        numbers: which signals.
        again: what a second signal other than SIGHUP does.

    Side effects:
        Replaces the handlers of these signals, and puts them back at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield token
        return
    answered = [one for one in numbers if one != HANG_UP or signal.getsignal(one) is not signal.SIG_IGN]
    hung_up, is_first = "SIGHUP received", True

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal is_first
        if number == HANG_UP:
            token.cancel(hung_up)
            return
        if not is_first or token.reason not in ("", hung_up):
            again()
        is_first = False
        token.cancel(f"{signal.Signals(number).name} received", CONSEQUENCE)

    saved = {number: signal.signal(number, on_signal) for number in answered}
    try:
        yield token
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
