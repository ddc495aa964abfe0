"""Signals cancel a run from the main thread; elsewhere nothing is touched."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.signals import cancelled_by_signals


@pytest.fixture(autouse=True)
def not_under_nohup():
    """Has SIGHUP as programs find it, also where the tests themselves were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


def test_a_closed_terminal_sends_several_signals_and_ends_nothing_at_once():
    def fail() -> None:
        raise KeyboardInterrupt

    with cancelled_by_signals(CancelToken(), again=fail) as stop:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        assert stop.reason == "SIGHUP received"


def test_under_nohup_a_closed_terminal_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with cancelled_by_signals(CancelToken()) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_no_handler_is_replaced():
    seen = []

    def work() -> None:
        with cancelled_by_signals(CancelToken()) as stop:
            seen.append((signal.getsignal(signal.SIGINT), stop()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(signal.getsignal(signal.SIGINT), False)]
