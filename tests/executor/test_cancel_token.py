from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.executor import cancel_token, moment
from vgpipe.executor.cancel_token import CancelToken, duration_s, next_time_of_day
from vgpipe.executor.moment import Moment


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


class Clocks:
    """The clocks of a machine: the one on the wall can be set, and the machine can be suspended."""

    def __init__(self, monkeypatch):
        self.wall_s, self.awake_s, self.total_s = datetime(2026, 1, 31, 23, 0).timestamp(), 100.0, 100.0
        monkeypatch.setattr(moment.time, "time", lambda: self.wall_s)
        monkeypatch.setattr(moment.time, "monotonic", lambda: self.awake_s)
        monkeypatch.setattr(moment, "_since_start_s", lambda: self.total_s)
        monkeypatch.setattr(cancel_token, "datetime", self)

    def now(self):
        return datetime.fromtimestamp(self.wall_s)

    def fromtimestamp(self, seconds):
        return datetime.fromtimestamp(seconds)

    def runs(self, hours):
        self.awake_s += hours * 3600
        self.sleeps(hours)

    def sleeps(self, hours):
        self.total_s += hours * 3600
        self.wall_s += hours * 3600

    def is_set(self, hours):
        self.wall_s += hours * 3600


@pytest.fixture
def clocks(monkeypatch):
    return Clocks(monkeypatch)


def stop_at(until=None, budget=None, **options):
    stop = CancelToken(**options)
    stop.set_deadlines(until=until, budget=budget)
    return stop


@pytest.mark.parametrize("jump", [-30.0, -1.0, 1.0, 24.0 * 365])
def test_a_clock_that_is_set_changes_no_budget(clocks, jump):
    stop = stop_at(budget="8h")
    clocks.runs(7.9)
    clocks.is_set(jump)
    assert not stop()
    clocks.runs(0.2)
    assert stop() and stop.reason == "run.budget=8h is reached"


def test_a_suspended_machine_uses_no_budget(clocks):
    stop = stop_at(budget="8h")
    clocks.sleeps(20)
    clocks.runs(7.9)
    assert not stop()
    clocks.runs(0.2)
    assert stop()


def test_a_time_of_day_that_passes_while_the_machine_is_suspended_is_over(clocks):
    stop = stop_at(until="07:00")
    clocks.sleeps(7.9)
    assert not stop()
    clocks.sleeps(0.2)
    assert stop() and stop.reason == "run.until=07:00 is reached"


@pytest.mark.parametrize("jump", [-24.0 * 365 * 50, -3.0, 3.0])
def test_a_time_of_day_is_that_of_the_clock_as_it_is_set_now(clocks, jump):
    """Also where the clock was of another year when the run began, as of a machine without a battery."""
    clocks.is_set(jump)
    stop = stop_at(until="07:00")
    clocks.runs(1)
    clocks.is_set(-jump)
    assert not stop()
    clocks.runs(6.9)
    assert not stop()
    clocks.runs(0.2)
    assert stop()


def test_a_clock_that_is_corrected_by_seconds_moves_no_start(clocks):
    clocks.is_set(8.0)
    stop = stop_at(until="07:00")  # it is 07:00: that of tomorrow is meant
    clocks.runs(1)
    clocks.is_set(-30 / 3600)
    assert not stop()


def test_without_a_clock_that_counts_suspension_the_start_stays_as_recorded(clocks):
    clocks.total_s = None
    stop = stop_at(until="07:00")
    clocks.wall_s += 8.1 * 3600
    assert stop()


@pytest.mark.parametrize(("boot", "left"), [(moment.boot_id(), True), ("another machine", False)])
def test_deadlines_count_from_a_start_that_is_given(clocks, boot, left):
    """A combination of a sweep that began hours ago starts now; on another machine its clock must do."""
    begun = replace(Moment.now(), boot=boot)
    clocks.runs(7)
    clocks.is_set(2)
    assert stop_at(budget="8h", started=begun)() is not left
    clocks.runs(1.1)
    assert stop_at(budget="8h", started=begun)() and stop_at(until="07:00", started=begun)()
    assert not stop_at(budget="8h")() and not stop_at(until="07:00")()


def test_the_deadline_that_comes_first_is_known_beforehand_also_to_what_stops_with_it():
    token = CancelToken()
    assert token.deadline() is None
    token.set_deadlines(until=(datetime.now() + timedelta(hours=3)).strftime("%H:%M"), budget="2h")
    found = CancelToken(token).deadline()
    assert found is not None and 7190 < found.left_s <= 7200
    assert found.at == (found.now + timedelta(hours=2)).strftime("%H:%M")
