"""The rule of choice, on figures made up for the purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planner.choice.test_per_stage import way
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.choice.least_ram import Candidate, preferred, resolution
from vgpipe.units import GIB

HOUR = 3600.0


def candidate(seconds: float | None, ram_gib: float, rank: int = 0, width: float = 2.0) -> Candidate:
    made = way(Strategy.STAGED, (0, 0, 0), ram=round(ram_gib * GIB))
    return Candidate(made, seconds, None if seconds is None else (seconds / width**0.5, seconds * width**0.5), rank)


def test_of_ways_as_fast_the_one_with_the_least_ram_is_taken():
    """The figures of Wan 2.1 14B on a card of 12 GB: a mix, blocks from RAM, leaves from files."""
    mix, blocks, files = candidate(4.15 * HOUR, 65, 4), candidate(4.16 * HOUR, 41.6, 7), candidate(4.3 * HOUR, 2.8, 15)
    assert preferred([mix, blocks, files]) is files
    assert preferred([mix, blocks]) is blocks
    assert preferred([mix, blocks, replace(files, seconds=4.8 * HOUR)]) is blocks


def test_what_is_slower_than_forecasts_can_tell_is_not_taken_for_its_ram():
    fast, frugal = candidate(100, 64), candidate(111, 1)
    assert preferred([fast, frugal]) is fast
    assert preferred([replace(fast, span=(30, 300)), replace(frugal, seconds=109)]).way is frugal.way


def test_of_ways_with_as_little_ram_the_one_that_moves_less_is_taken():
    still, moving = candidate(103, 2.5, rank=1), candidate(100, 1.6, rank=9)
    assert preferred([moving, still]) is still
    assert preferred([moving, replace(still, way=candidate(1, 2.7).way)]) is moving
    much = candidate(103, 41, rank=1), candidate(100, 40, rank=9)
    assert preferred(much) is much[0]  # within 5 %


def test_of_those_the_faster_is_taken():
    slow, fast = candidate(101, 2), candidate(100, 2)
    assert preferred([slow, fast]) is fast


def test_without_times_what_moves_the_least_comes_first():
    assert preferred([candidate(None, 1, rank=3), candidate(None, 9, rank=1), candidate(None, 8, rank=1)]).rank == 1
    assert preferred([candidate(5, 1, rank=3), candidate(None, 9, rank=1)]).rank == 1
    assert preferred([]) is None


@pytest.mark.parametrize(
    ("span", "factor"), [(None, 1.05), ((0.0, 5.0), 1.05), ((1.0, 1.2), 1.05), ((1.0, 3.0), 1.071), ((0.3, 53.0), 1.1)]
)
def test_the_resolution_follows_the_range_within_bounds(span, factor):
    assert resolution(span) == pytest.approx(factor, abs=0.001)


@given(st.lists(st.tuples(st.floats(1, 1000), st.floats(0.5, 100), st.integers(0, 15)), min_size=1, max_size=12))
def test_none_as_fast_needs_much_less_ram(figures):
    known = [candidate(seconds, ram, rank) for seconds, ram, rank in figures]
    found = preferred(known)
    fastest = min(one.seconds for one in known)
    assert found.seconds <= fastest * 1.1
    for one in known:
        if one.seconds <= fastest * resolution((1, 2)):
            assert found.way.ram_bytes <= max(one.way.ram_bytes * 1.05, one.way.ram_bytes + GIB)
