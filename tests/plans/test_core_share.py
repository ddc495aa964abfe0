from __future__ import annotations

import pytest

from vgpipe.plans.core_share import Share, best_share, fair_threads, gain_of


@pytest.mark.parametrize(
    ("seconds", "most", "share"),
    [
        ({2: 1.0, 1: 1.1}, 2, Share(2, 1)),  # two threads are hardly faster than one: two workers of one
        ({2: 1.0, 1: 1.9}, 2, Share(1, 2)),  # and here they are
        ({2: 1.0, 1: 0.8}, 1, Share(1, 1)),
        ({8: 1.0, 4: 1.2, 1: 3.0}, 8, Share(8, 1)),
        ({8: 1.0, 4: 1.2, 1: 3.0}, 5, Share(2, 4)),  # RAM holds five: 5 / 3.0 is less than 2 / 1.2
        ({8: 1.0}, 8, Share(1, 8)),  # no other count keeps the bits
    ],
)
def test_what_makes_the_most_clips_in_the_same_time_is_taken(seconds, most, share):
    assert best_share(seconds, most) == share


def test_workers_that_were_asked_for_use_what_is_fastest_of_their_share():
    seconds = {8: 1.0, 4: 1.2, 2: 2.0, 1: 3.0}
    assert [fair_threads(seconds, workers) for workers in (1, 2, 3, 8)] == [8, 4, 2, 1]
    assert fair_threads({2: 1.0, 1: 1.0}, 3) == 1  # more workers than cores
    assert fair_threads({}, 2) is None


def test_the_gain_is_over_one_process_at_its_fastest():
    assert gain_of({2: 1.0, 1: 0.8}, Share(2, 1)) == 2.0
    assert gain_of({2: 1.0, 1: 1.6}, Share(2, 1)) == 1.25
