"""When an attempt stops: with its run, and for a pause that can be taken back."""

from __future__ import annotations

from vgpipe.executor.attempt_stop import PAUSED, AttemptStop
from vgpipe.executor.cancel_token import CancelToken


def test_a_pause_stops_the_attempt_and_not_the_run_and_another_attempt_may_begin(monkeypatch):
    monkeypatch.setattr("vgpipe.executor.attempt_stop.EVERY_S", 0.0)
    asked, run = [False], CancelToken()
    stop = AttemptStop(run, lambda: asked[0])
    assert not stop() and stop.reason == ""
    asked[0] = True
    assert stop() and (stop.reason, stop.is_paused, run()) == (PAUSED, True, False)
    asked[0] = False
    assert stop() and stop.is_paused
    stop.begin_again()
    assert not stop() and not stop.is_paused


def test_what_stops_the_run_stops_the_attempt_also_in_a_pause(monkeypatch):
    monkeypatch.setattr("vgpipe.executor.attempt_stop.EVERY_S", 0.0)
    run = CancelToken()
    stop = AttemptStop(run, lambda: True)
    assert stop() and stop.is_paused
    stop.cancel("the disk is full")
    assert run.reason == stop.reason == "the disk is full" and not stop.is_paused


def test_it_looks_for_a_pause_once_a_second():
    looks = []
    stop = AttemptStop(CancelToken(), lambda: bool(looks.append(1)))
    assert not any(stop() for _ in range(100)) and len(looks) == 1


def test_a_deadline_of_the_run_holds_for_the_attempt():
    run = CancelToken()
    run.set_deadlines(until=None, budget="0s")
    assert AttemptStop(run, lambda: False)()
