from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.executor.cancel_token import CancelToken, duration_s, next_time_of_day


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("90m", 5400), ("8h", 28800), ("2d", 172800), ("1.5m", 90)])
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@given(st.integers(0, 23), st.integers(0, 59), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_time_of_day_is_the_next_one_on_the_clock(hour, minute, now):
    moment = next_time_of_day(f"{hour:02d}:{minute:02d}", now)
    assert now < moment and (moment - now).total_seconds() <= 86_400
    assert (moment.hour, moment.minute, moment.second) == (hour, minute, 0)


def test_the_first_reason_counts_whichever_thread_asks():
    token = CancelToken()
    threads = [threading.Thread(target=token.cancel, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    first = token.reason
    for thread in threads:
        thread.join()
    assert token() and token.is_cancelled and first in ("", token.reason) and token.reason.startswith("thread ")


def test_a_parents_request_counts_and_a_childs_stays_its_own():
    parent = CancelToken()
    child, other = CancelToken(parent), CancelToken(parent)
    child.cancel("the disk is full")
    assert child() and not parent() and not other()
    parent.cancel("closed")
    assert other() and other.reason == "closed" and child.reason == "the disk is full"


def test_the_earlier_of_two_deadlines_counts():
    stop = CancelToken()
    stop.set_deadlines(until="00:00", budget="0.01s")
    time.sleep(0.02)
    assert stop() and stop.reason == "run.budget=0.01s is reached"


def test_deadlines_are_set_once_for_all_of_a_sweep():
    stop = CancelToken()
    stop.set_deadlines(until=None, budget="0s")
    stop.set_deadlines(until=None, budget="8h")
    assert stop()


def test_no_deadline_never_stops():
    stop = CancelToken()
    stop.set_deadlines(until=None, budget=None)
    assert not stop()


def test_deadlines_count_from_a_start_that_is_given():
    begun = datetime(2026, 1, 31, 23, 0).timestamp()  # a combination of a sweep that began last night starts now
    for limits in ({"until": "07:00", "budget": None}, {"until": None, "budget": "8h"}):
        late, fresh = CancelToken(started=begun), CancelToken()
        late.set_deadlines(**limits)
        fresh.set_deadlines(**limits)
        assert late() and not fresh()
