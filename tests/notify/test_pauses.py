from __future__ import annotations

from vgpipe.notify.pauses import Pauses


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def after(clock, pauses, seconds):
    clock.now += seconds
    return pauses.stalled_s()


def test_a_pause_is_told_once_until_something_happens():
    clock = Clock()
    pauses = Pauses(600, clock)
    pauses.happened("denoise")
    clock.now += 2
    pauses.happened("denoise")
    assert after(clock, pauses, 590) == 0
    assert after(clock, pauses, 20) == 610 and after(clock, pauses, 600) == 0
    assert pauses.happened("denoise") == 1210
    assert after(clock, pauses, 601) == 601


def test_where_a_piece_takes_long_a_pause_may_be_longer_and_only_there():
    clock = Clock()
    pauses = Pauses(600, clock)
    pauses.happened("decode")
    clock.now += 300  # what a decode takes here
    pauses.happened("decode")
    assert pauses.allowed_s() == 1500
    clock.now += 10
    pauses.happened("denoise")
    clock.now += 10
    pauses.happened("denoise")
    assert pauses.allowed_s() == 600


def test_what_has_never_ended_yet_may_take_three_times_as_long():
    pauses = Pauses(600, Clock())
    pauses.happened("denoise")
    assert pauses.allowed_s() == 1800


def test_a_stall_that_ends_teaches_nothing():
    clock = Clock()
    pauses = Pauses(600, clock)
    for _ in range(2):
        pauses.happened("denoise")
        clock.now += 2
    pauses.happened("denoise")
    assert after(clock, pauses, 7200) == 7200
    pauses.happened("denoise")
    assert pauses.allowed_s() == 600


def test_nothing_happens_on_purpose_while_a_run_is_paused():
    clock = Clock()
    pauses = Pauses(600, clock)
    pauses.happened("denoise")
    pauses.stop()
    assert after(clock, pauses, 1e6) == 0
    pauses.go_on()
    assert after(clock, pauses, 1000) == 0 and after(clock, pauses, 1000) == 2000
