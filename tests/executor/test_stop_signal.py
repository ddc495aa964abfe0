from __future__ import annotations

import os
import signal
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.executor.stop_signal import StopSignal, duration_s, next_time_of_day


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("90m", 5400), ("8h", 28800), ("2d", 172800), ("1.5m", 90)])
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@given(st.integers(0, 23), st.integers(0, 59), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_time_of_day_is_the_next_one_on_the_clock(hour, minute, now):
    moment = next_time_of_day(f"{hour:02d}:{minute:02d}", now)
    assert now < moment and (moment - now).total_seconds() <= 86_400
    assert (moment.hour, moment.minute, moment.second) == (hour, minute, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_asks_for_a_stop_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with StopSignal() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop() and number.name in stop.reason
    assert signal.getsignal(number) is before


def test_the_earlier_of_two_deadlines_counts():
    stop = StopSignal()
    stop.set_deadlines(until="00:00", budget="0.01s")
    time.sleep(0.02)
    assert stop() and stop.reason == "run.budget=0.01s is reached"


def test_deadlines_are_set_once_for_all_of_a_sweep():
    stop = StopSignal()
    stop.set_deadlines(until=None, budget="0s")
    stop.set_deadlines(until=None, budget="8h")
    assert stop()


def test_no_deadline_never_stops():
    stop = StopSignal()
    stop.set_deadlines(until=None, budget=None)
    assert not stop()
