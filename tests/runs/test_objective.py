"""What a run is worth to a sweeper that searches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import get_args

import pytest

from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.report.measures import MEASURES
from vgpipe.runs.objective import WORST, Direction, objective_values, refuse_unmeasured, worst_values
from vgpipe.vocabulary import MEASURED_FRAMES, Objective


@dataclass
class OneClip:
    is_made: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] | None = None
    peak_ram_gb: float | None = None
    peak_vram_gb: float | None = None


QUICK = OneClip(seconds={"denoise": 1.0, "decode": 0.5}, measures={"sharpness": 10.0}, peak_ram_gb=2.0)
SLOW = OneClip(seconds={"denoise": 4.5}, measures={"sharpness": 30.0}, peak_ram_gb=9.0, peak_vram_gb=4.0)
FAILED = OneClip(is_made=False, seconds={"denoise": 100.0}, peak_ram_gb=50.0)
REUSED = OneClip(measures={"sharpness": 20.0})


@pytest.mark.parametrize(
    ("names", "clips", "values"),
    [
        ((), [QUICK, FAILED, FAILED], (2,)),
        (("clips_not_done",), [QUICK], (0,)),
        (("seconds_per_clip",), [QUICK, SLOW, FAILED, REUSED], (3.0,)),
        (("peak_gb",), [QUICK, SLOW, FAILED, REUSED], (3.0,)),
        (("sharpness",), [QUICK, SLOW, REUSED], (20.0,)),
        (("seconds_per_clip", "sharpness"), [QUICK], (1.5, 10.0)),
        (("motion",), [QUICK], (WORST,)),
        (("sharpness",), [OneClip(measures={"sharpness": math.nan})], (WORST,)),
        (("seconds_per_clip", "clips_not_done"), [FAILED], (WORST, 1)),
    ],
)
def test_an_objective_is_the_mean_over_the_clips_that_are_done(names, clips, values):
    assert objective_values(names, clips) == values


def test_a_run_without_a_value_is_never_preferred_whatever_the_direction():
    names, directions = ("seconds_per_clip", "sharpness"), (Direction.MINIMIZE, Direction.MAXIMIZE)
    assert objective_values(names, [FAILED], directions) == (WORST, -WORST)
    assert worst_values(names, directions) == (WORST, -WORST)
    assert worst_values(()) == (WORST,)


def test_a_metric_that_no_clip_has_is_named_in_the_log(caplog):
    objective_values(["seconds_per_clip"], [REUSED])
    assert "run.objective=seconds_per_clip" in caplog.text and "from the store" in caplog.text


def test_one_name_several_and_none_are_taken_from_the_command_line():
    typed = ["run.objective=sharpness", "run.objective=[seconds_per_clip,peak_gb]", "run.objective=null"]
    assert [load([one]).run.objective for one in typed] == [("sharpness",), ("seconds_per_clip", "peak_gb"), ()]


@pytest.mark.parametrize("typed", ["run.objective=sharpnes", "run.objective=[motion,sharpnes]"])
def test_an_unknown_name_is_refused_with_the_known_ones_and_the_nearest(typed):
    with pytest.raises(ConfigError) as caught:
        load([typed])
    said = str(caught.value)
    assert '"sharpnes" is not allowed' in said and "did you mean sharpness?" in said
    assert all(name in said for name in get_args(Objective)), said


def test_a_measure_that_the_run_leaves_out_is_no_objective():
    assert set(MEASURED_FRAMES) == set(MEASURES)
    refuse_unmeasured(load(["run.objective=seconds_per_clip", "run.sheet=false"]).run)
    with pytest.raises(ConfigError, match=r"run.objective: motion is not measured with run.sheet=false"):
        refuse_unmeasured(load(["run.objective=[peak_gb,motion]", "run.sheet=false"]).run)
