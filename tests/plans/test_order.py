"""In which order clips are made: the job's, or the cheapest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

from vgpipe.job.clip import Clip
from vgpipe.job.segments import work_of
from vgpipe.plans.order import in_order, planned_s
from vgpipe.vocabulary import CHEAPEST_FIRST, JOB_ORDER

CLIP = Clip(
    id="c", prompt="x", negative_prompt="", seed=0, width=64, height=64, num_frames=9, fps=8.0,
    num_inference_steps=4, guidance_scale=1.0, model="shapes",
)  # fmt: skip


@dataclass
class State:
    """A clip of a run, as far as its order counts."""

    initial: Clip


def states(*frames):
    return [State(replace(CLIP, id=str(number), num_frames=count)) for number, count in enumerate(frames)]


def config(order):
    return SimpleNamespace(run=SimpleNamespace(order=order))


def ids(found):
    return [state.initial.id for state in found]


def test_the_order_of_the_job_stays():
    assert ids(in_order(states(17, 5, 9), config(JOB_ORDER), None)) == ["0", "1", "2"]


def test_without_a_forecast_pixels_frames_and_steps_tell_what_is_cheap_and_equals_keep_their_order():
    assert ids(in_order(states(17, 5, 9, 5), config(CHEAPEST_FIRST), None)) == ["1", "3", "2", "0"]


def test_a_forecast_counts_more_than_the_size(forecasting):
    plan = forecasting({5: (9.0, 11.0), 9: (1.0, 2.0), 17: (3.0, 4.0)})
    assert ids(in_order(states(17, 5, 9), config(CHEAPEST_FIRST), plan)) == ["2", "0", "1"]


def test_where_a_forecast_lacks_one_clip_all_go_by_their_size(forecasting):
    plan = forecasting({5: (9.0, 11.0), 9: (1.0, 2.0), 17: None})
    assert ids(in_order(states(17, 5, 9), config(CHEAPEST_FIRST), plan)) == ["1", "2", "0"]
    assert planned_s(states(17)[0].initial, plan) is None
    assert work_of(CLIP) == 64 * 64 * 9 * 4
