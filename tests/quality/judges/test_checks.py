"""The score of the checks."""

from __future__ import annotations

import pytest

from vgpipe.quality.judges.checks import score
from vgpipe.quality.verdict import Result, Verdict


def verdicts(*results: Result) -> list[Verdict]:
    return [Verdict("noise", 0.5, 0.4, result) for result in results]


def test_fewer_failures_rank_higher_and_warnings_come_after_them():
    passed, warned, failed = Result.PASSED, Result.WARNED, Result.FAILED
    ranked = [
        verdicts(passed, passed), verdicts(warned), verdicts(warned, warned), verdicts(failed),
        verdicts(failed, warned), verdicts(failed, failed),
    ]  # fmt: skip
    scores = [score(one) for one in ranked]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(scores)


def test_nothing_to_complain_of_is_zero():
    assert str(score(verdicts(Result.PASSED))) == "0.0" == str(score([]))


def test_many_warnings_count_less_than_a_failure():
    assert score(verdicts(*[Result.WARNED] * 14)) > score(verdicts(Result.FAILED)) == pytest.approx(-1)
