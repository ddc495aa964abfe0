"""One number a run, from cards that may lack any of them."""

from __future__ import annotations

import pytest

from tests.report.runs import record
from vgpipe.report.cards import card
from vgpipe.report.figures import figures
from vgpipe.report.measures import MEASURES, measures_of
from vgpipe.report.media import Media
from vgpipe.vocabulary import STAGES


def column(tmp_path, *changes):
    return [card(record(f"{number}", **one), Media(tmp_path)) for number, one in enumerate(changes)]


def test_measures_are_averaged_over_the_clips_that_have_them(tmp_path):
    one = column(tmp_path, {"measures": {"motion": 1}}, {"measures": {"motion": 2.0, "flicker": 0.5}}, {})
    found = {figure["name"]: figure for figure in figures([one, column(tmp_path, {})])}
    assert list(found) == ["time", *STAGES, "memory", "motion", "flicker"]
    assert (found["motion"]["values"], found["motion"]["clips"]) == ([1.5, None], [2, 0])
    assert found["motion"]["about"] == MEASURES["motion"] and found["motion"]["is_measure"]
    assert found["time"]["values"] == [1.61, 1.61] and not found["time"]["is_measure"]


def test_memory_is_the_gpus_where_there_is_one(tmp_path):
    columns = [column(tmp_path, {"peak_vram_gb": 4.0}, {"peak_vram_gb": 6.0}), column(tmp_path, {})]
    memory = figures(columns)[-1]
    assert memory["values"] == [6.0, None] and "GPU" in memory["about"]
    assert figures([column(tmp_path, {})])[-1]["values"] == [0.6]


def test_checks_and_scores_are_figures_of_quality(tmp_path):
    passed, failed = {"check": "noise", "result": "passed"}, {"check": "seams", "result": "failed"}
    judged = {"judge": "adherence", "number": -2.0}
    one = column(tmp_path, {"checks": [passed, passed], "score": judged}, {"checks": [passed, failed]}, {})
    found = {figure["name"]: figure for figure in figures([one]) if figure["kind"] == "judged"}
    assert {name: (figure["values"], figure["clips"]) for name, figure in found.items()} == {
        "score (adherence)": ([-2.0], [1]),
        "checks passed": ([50.0], [2]),
    }
    assert all(figure["better"] == "more" for figure in found.values())


def test_no_clips_have_no_figures():
    assert figures([[], []]) == []


@pytest.mark.parametrize(
    "value", [None, 7, "x", [1], {}, {"motion": "x"}, {"motion": float("inf")}, {"x": 1}], ids=repr
)
def test_measures_may_be_anything(tmp_path, value):
    assert measures_of(value) == {} and "measures" not in column(tmp_path, {"measures": value})[0]
