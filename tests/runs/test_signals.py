"""Signals cancel a run from the main thread; elsewhere nothing is touched."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.signals import cancelled_by_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_asks_for_a_stop_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with cancelled_by_signals(CancelToken()) as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop() and number.name in stop.reason
    assert signal.getsignal(number) is before


def test_a_second_signal_does_what_the_caller_wants():
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cancelled_by_signals(CancelToken(), [signal.SIGINT], interrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_in_another_thread_no_handler_is_replaced():
    seen = []

    def work() -> None:
        with cancelled_by_signals(CancelToken()) as stop:
            seen.append((signal.getsignal(signal.SIGINT), stop()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(signal.getsignal(signal.SIGINT), False)]
