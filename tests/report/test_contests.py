"""What a card shows of a contest, of records that nobody has checked."""

from __future__ import annotations

import pytest

from vgpipe.report.contests import contest_of

STANDING = {"scores": {"4": 0.5, "8": None}, "judge": "checks", "step": 8, "rank": 1, "of": 4, "fate": "kept"}


def _record(**standing):
    return {"contest": {"best_of": 8}, "standing": {**STANDING, **standing}}


def test_the_winner_is_marked_and_the_others_say_their_rank():
    assert contest_of(_record()) == {
        "label": "best of 8",
        "text": "best of 8: finished, rank 1 of 4 at step 8; score by step: 4 0.5, 8 none (checks)",
    }
    left = contest_of(_record(fate="left", rank=3))
    assert left is not None and left["label"] == "3 of 4" and "left behind, rank 3 of 4 at step 8" in left["text"]


@pytest.mark.parametrize(
    "record",
    [{}, {"contest": 3, "standing": []}, {"contest": {"best_of": 8}}, _record(fate={}), {**_record(), "contest": None}],
)
def test_a_record_that_says_nothing_shows_nothing(record):
    assert contest_of(record) is None


def test_values_of_other_types_are_left_out():
    found = contest_of(_record(scores=[], judge=5, rank="x"))
    assert found == {"label": "best of 8", "text": "best of 8: finished, not judged yet"}
