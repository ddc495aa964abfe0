"""Who is still in a contest, with ties, losses, missing scores, and in the middle of a round."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.clips.halving import Candidate, judged_at, quotas, standing
from vgpipe.job.clip import Contest

EIGHT = Contest(name="c0", best_of=8, keep=1, at=(4, 8))


def _candidates(*scores: dict[int, float | None] | None) -> list[Candidate]:
    """Returns one candidate for each; None for one that failed at once."""
    return [Candidate(f"c{at}", one or {}, is_lost=one is None) for at, one in enumerate(scores)]


def test_all_begin_and_the_round_waits_for_the_last_score():
    begun = standing(EIGHT, _candidates(*[{}] * 8))
    assert begun.goals == {f"c{at}": 4 for at in range(8)} and not begun.left and not begun.is_decided
    waiting = standing(EIGHT, _candidates(*[{4: 1.0}] * 7, {}))
    assert waiting.goals == begun.goals


def test_the_better_half_goes_on_and_then_the_best_is_finished():
    first = [{4: float(at)} for at in range(8)]
    half = standing(EIGHT, _candidates(*first))
    assert half.goals == {"c7": 8, "c6": 8, "c5": 8, "c4": 8}
    assert [(one.rank, one.of, one.step, one.score) for one in half.left.values()] == [
        (5, 8, 4, 3.0), (6, 8, 4, 2.0), (7, 8, 4, 1.0), (8, 8, 4, 0.0),
    ]  # fmt: skip
    second = [*first[:4], *({4: float(at), 8: float(-at)} for at in range(4, 8))]
    over = standing(EIGHT, _candidates(*second))
    assert over.goals == {"c4": None} and over.is_decided and over.places["c4"].rank == 1
    assert over.left["c7"].step == 8 and over.left["c3"].step == 4


def test_ties_are_ranked_in_order_and_missing_scores_last():
    contest = replace(EIGHT, best_of=4, at=(4,))
    assert standing(contest, _candidates(*[{4: 0.5}] * 4)).goals == {"c0": None}
    assert standing(contest, _candidates({4: None}, {4: math.nan}, {4: -9.0}, {4: -9.0})).goals == {"c2": None}
    nothing = standing(contest, _candidates({4: math.nan}, {4: None}, {4: None}, {4: None}))
    assert nothing.goals == {"c0": None} and nothing.left["c1"].score is None


@pytest.mark.parametrize(
    ("scores", "goals"),
    [
        ([None, {4: 1.0}, {4: 2.0}, {}], {"c1": 4, "c2": 4, "c3": 4}),
        ([None, None, None, {}], {"c3": None}),  # nothing to compare it with
        ([None, {4: 1.0}, {4: 2.0}, {4: 3.0}], {"c3": 8, "c2": 8}),
        ([None] * 4, {}),
    ],
)
def test_what_failed_is_out_and_the_contest_goes_on_among_the_others(scores, goals):
    found = standing(replace(EIGHT, best_of=4), _candidates(*scores))
    assert found.goals == goals and not any(f"c{at}" in found.left for at, one in enumerate(scores) if one is None)


def test_where_the_winner_fails_in_the_end_the_next_best_is_finished():
    scores = [{4: 4.0, 8: 2.0}, {4: 3.0, 8: 1.0}, {4: 2.0}, {4: 1.0}]
    candidates = _candidates(*scores)
    contest, winners = replace(EIGHT, best_of=4), []
    for _ in range(4):
        found = standing(contest, candidates)
        winners += found.goals
        candidates[int(winners[-1][1:])] = replace(candidates[int(winners[-1][1:])], is_lost=True)
    assert winners == ["c0", "c1", "c2", "c3"]
    assert not standing(contest, candidates).goals


def test_two_are_kept():
    contest = Contest(name="c0", best_of=5, keep=2, at=(2, 4, 6))
    assert quotas(contest) == (3, 2, 2)
    third = standing(contest, _candidates({2: 5.0, 4: 1.0}, {2: 4.0, 4: 2.0}, {2: 3.0, 4: 3.0}, {2: 1.0}, {2: 2.0}))
    assert third.goals == {"c2": None, "c1": None}  # two are left: nothing to judge after step 6


@given(
    best_of=st.integers(2, 12), keep=st.integers(1, 11),
    at=st.lists(st.integers(1, 30), min_size=1, max_size=4, unique=True).map(sorted),
    data=st.data(),
)  # fmt: skip
def test_every_contest_ends_with_as_many_as_are_kept_however_often_it_is_asked(best_of, keep, at, data):
    contest = Contest(name="c0", best_of=best_of, keep=min(keep, best_of - 1), at=tuple(at))
    candidates = {one.id: one for one in _candidates(*[{}] * best_of)}
    made = dict.fromkeys(candidates, 0)
    finished: set[str] = set()
    for _ in range(best_of * (len(at) + 2)):
        found = standing(contest, list(candidates.values()))
        assert set(found.goals).isdisjoint(found.left)
        left = [name for name, goal in found.goals.items() if name not in finished and made[name] != goal]
        if not left:
            break
        name = data.draw(st.sampled_from(left))
        if data.draw(st.integers(0, 9)) == 0:
            candidates[name] = replace(candidates[name], is_lost=True)
        elif (goal := found.goals[name]) is None:
            finished.add(name)
        else:
            score = data.draw(st.one_of(st.none(), st.floats(-1, 1), st.just(math.nan)))
            candidates[name] = replace(candidates[name], scores={**candidates[name].scores, goal: score})
            made[name] = goal
    able = [one for one in candidates.values() if not one.is_lost]
    found = standing(contest, list(candidates.values()))
    assert found.is_decided and len(found.goals) == min(contest.keep, len(able))
    if len(able) == best_of:
        assert sorted(tuple(one.scores) for one in candidates.values()) == sorted(judged_at(contest))
