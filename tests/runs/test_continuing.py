"""Which drafts of a run are continued."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vgpipe.errors import UsageError
from vgpipe.job.resolving.picks import pick_name
from vgpipe.runs.continuing import Choice, chosen
from vgpipe.runs.run_record import Recorded

ROOT = Path("/runs/night")


def record(clip, prompt="", state="drafted", score=None):
    texts = {"prompt": prompt or clip, "negative_prompt": "", "seed": 1, "image_sha256": None, "shots": []}
    return {"clip": clip, "state": state, "score": score and {"judge": "checks", "number": score}, **texts}


def of(*records, picked=()):
    return Recorded(tuple(records), is_checked=True, picked=frozenset(picked))


NIGHT = of(record("a"), record("b"), record("c", state="done"), record("d", "a"), record("e", state="pending"))


def test_all_are_those_that_wait_to_be_continued_and_those_picked_before():
    assert chosen(ROOT, NIGHT, Choice()) == {"a", "b", "d"}
    assert chosen(ROOT, of(record("a"), record("b", state="stopped"), picked="b"), Choice()) == {"a", "b"}


def test_a_clip_is_named_by_its_pick_or_its_id():
    pick = pick_name("b", "", 1, None, [])
    assert chosen(ROOT, NIGHT, Choice(names=(pick,))) == {"b"} and chosen(ROOT, NIGHT, Choice(names=("d",))) == {"d"}


def test_unknown_and_ambiguous_names_are_told_at_once():
    both = pick_name("a", "", 1, None, [])
    with pytest.raises(UsageError) as caught:
        chosen(ROOT, NIGHT, Choice(names=("p00000000", both, "b")))
    said = str(caught.value)
    assert "p00000000: no clip of this run" in said and f"{both}: 2 clips have this pick: a, d" in said


def test_the_best_are_those_of_the_highest_scores_and_those_picked_before_count():
    scored = [record("a", score=0.1), record("b", score=0.9), record("c", score=0.5), record("d")]
    assert chosen(ROOT, of(*scored), Choice(best=2)) == {"b", "c"}
    assert chosen(ROOT, of(*scored, picked="a"), Choice(best=2)) == {"a", "b"}
    assert chosen(ROOT, of(*scored, picked=("b", "c")), Choice(best=2)) == {"b", "c"}


@pytest.mark.parametrize(
    ("recorded", "choice", "words"),
    [
        (of(record("a", state="done")), Choice(), "has no drafts"),
        (of(record("a")), Choice(best=1), "has a score to rank it by -> python -m vgpipe continue /runs/night"),
    ],
)
def test_where_nothing_can_be_continued_that_is_told(recorded, choice, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        chosen(ROOT, recorded, choice)
