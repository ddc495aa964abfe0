"""How many clips will be done by a deadline, by the plan."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.plans.test_order import CLIP
from vgpipe.plans.deadline_forecast import done_by
from vgpipe.plans.done_by import DoneBy
from vgpipe.vocabulary import CHEAPEST_FIRST, JOB_ORDER

CLIPS = [replace(CLIP, id=str(number), num_frames=count) for number, count in enumerate((17, 17, 5, 5))]
SECONDS = {5: (10.0, 20.0), 17: (100.0, 200.0)}


@pytest.fixture
def forecast(forecasting):
    def asked(left_s, order=JOB_ORDER, wave_size=None, crew=None, seconds=SECONDS, done=0):
        plan = forecasting(seconds)
        plan.shapes, plan.crew = [SimpleNamespace(chosen=SimpleNamespace(load_seconds=(5.0, 10.0)))], crew
        config = SimpleNamespace(run=SimpleNamespace(order=order), executor=SimpleNamespace(wave_size=wave_size))
        found = done_by(plan, CLIPS, config, at="07:00", left_s=left_s, done=done)
        return None if found is None else (found.least, found.will_be_done, found.most, found.of)

    return asked


def test_the_range_is_that_of_the_forecasts(forecast):
    assert forecast(4.0) == (0, 0, 0, 4)
    assert forecast(210.0) == (1, 1, 2, 4)  # loading and one clip take at most 210 s, two at least 205 s
    assert forecast(1000.0) == (4, 4, 4, 4)
    assert forecast(210.0, done=3) == (4, 4, 5, 7)


def test_with_the_cheapest_first_more_are_done_early(forecast):
    assert forecast(50.0) == (0, 0, 0, 4)
    assert forecast(50.0, order=CHEAPEST_FIRST) == (2, 2, 2, 4)


def test_the_least_counts_whole_waves(forecast):
    assert forecast(210.0, wave_size=3) == (0, 1, 2, 4)


def test_workers_that_share_cores_are_as_much_faster_as_the_plan_says(forecast):
    crew = SimpleNamespace(shares_cores=True, gain=(1.0, 2.0))
    assert forecast(105.0, crew=crew) == (0, 1, 2, 4)


def test_workers_of_their_own_each_take_clips(forecast, forecasting):
    member = SimpleNamespace(plan=forecasting(SECONDS))
    member.plan.shapes = [SimpleNamespace(chosen=SimpleNamespace(load_seconds=(5.0, 10.0)))]
    crew = SimpleNamespace(shares_cores=False, members=[member, member])
    assert forecast(210.0, crew=crew) == (2, 4, 4, 4)
    assert forecast(29.0, crew=crew, order=CHEAPEST_FIRST) == (0, 2, 2, 4)


def test_without_rates_nothing_is_said(forecast):
    assert forecast(100.0, seconds={5: None, 17: (1.0, 2.0)}) is None


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (41, 55, "by 07:00: 41 to 55 of 80 clips"),
        (41, 41, "by 07:00: 41 of 80 clips"),
        (80, 80, "by 07:00: all 80 clips"),
    ],
)
def test_it_is_said_in_one_line(least, most, said):
    assert str(DoneBy(at="07:00", will_be_done=least, least=least, most=most, of=80)) == said
