"""The score of the clip's own model."""

from __future__ import annotations

import math

import pytest

from vgpipe.quality.judges.adherence import score


def test_the_less_the_prompt_pulls_the_higher_is_the_score():
    assert score([0.1, 0.01]) > score([0.2, 0.01]) > score([0.2, 0.02])


def test_levels_count_alike_however_much_they_leave_to_predict():
    assert score([0.5, 0.001]) == score([0.05, 0.01])


def test_a_prompt_that_pulls_nothing_has_a_finite_score():
    assert math.isfinite(score([0.0, 0.0]))


@pytest.mark.parametrize("pulls", [[], [0.1, math.nan], [math.inf]])
def test_there_is_no_score_without_measurements(pulls):
    assert score(pulls) is None
