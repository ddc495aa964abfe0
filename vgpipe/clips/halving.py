"""Who is still in a contest: after each judgement the better half, after the last one as many as are kept.

Successive halving over seeds (Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", 2016). Pure arithmetic on scores: the same scores and losses always give the same standing, so that a run
that was interrupted ends as one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vgpipe.job.clip import Clip, Contest


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip that competes.

    Attributes:
        id: of the clip.
        scores: steps -> the score of its preview there, the higher the better; None or NaN where the judge knew none.
        is_lost: whether it failed, or a check rejected it.
    """

    id: str
    scores: Mapping[int, float | None] = field(default_factory=dict)
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clip came in a judgement.

    Attributes:
        step: after which it was.
        rank: from 1.
        of: how many were judged.
        score: its own; None where the judge knew none.
    """

    step: int
    rank: int
    of: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a contest is.

    Attributes:
        goals: the clips that stay -> the steps after which they are judged next, None for those that are finished.
        left: the clips that were left behind -> where they came.
        places: the last place of every clip that was judged.
    """

    goals: Mapping[str, int | None]
    left: Mapping[str, Place]
    places: Mapping[str, Place]

    @property
    def is_decided(self) -> bool:
        """Whether it is known which clips are finished."""
        return all(goal is None for goal in self.goals.values())


@dataclass(frozen=True, slots=True)
class Expected:
    """How far a clip is expected to come.

    Attributes:
        judged: the steps after which it is judged.
        is_finished: whether it is made to the end after that.
    """

    judged: tuple[int, ...]
    is_finished: bool


def standing(contest: Contest, candidates: Sequence[Candidate]) -> Standing:
    """Returns how far a contest is.

    A clip that fails is out. Where fewer than `keep` are left in the end, those that were left behind last are finished
    in their place, the better ones first. Equal scores are ranked in the order of the clips, missing ones last.

    Args:
        contest: how it goes.
        candidates: all its clips, in order.
    """
    places: dict[str, Place] = {}
    behind: list[Candidate] = []
    field_ = list(candidates)
    for step, quota in zip(contest.at, quotas(contest), strict=True):
        if len(_able(field_)) <= contest.keep:
            break
        if any(step not in one.scores for one in _able(field_)):
            return Standing({one.id: step for one in _able(field_)}, _left(behind, places), places)
        ranked = sorted((one for one in field_ if step in one.scores), key=lambda one: -_number(one.scores[step]))
        for rank, one in enumerate(ranked, start=1):
            places[one.id] = Place(step, rank, len(ranked), _score(one.scores[step]))
        field_, behind = ranked[:quota], [*ranked[quota:], *behind]
    finalists = _able([*field_, *behind])[: contest.keep]
    goals = {one.id: None for one in finalists}
    return Standing(goals, _left([one for one in _able(candidates) if one.id not in goals], places), places)


def quotas(contest: Contest) -> tuple[int, ...]:
    """Returns how many clips stay after each judgement."""
    found, left = [], contest.best_of
    for _ in contest.at[:-1]:
        left = max(contest.keep, math.ceil(left / 2))
        found.append(left)
    return (*found, contest.keep)


def judged_at(contest: Contest) -> tuple[tuple[int, ...], ...]:
    """Returns the steps after which each clip is judged if none fails, those of the clip that gets furthest first."""
    counts = (contest.best_of, *quotas(contest)[:-1])
    marks = [(step, count) for step, count in zip(contest.at, counts, strict=True) if count > contest.keep]
    return tuple(tuple(step for step, count in marks if number < count) for number in range(contest.best_of))


def expected_stops(clips: Iterable[Clip]) -> dict[str, Expected]:
    """Returns how far clips that compete are expected to come, by their ids; the others are left out.

    Nobody knows who will be better: the first of each contest are expected to come furthest.

    Args:
        clips: in job order.
    """
    members: dict[Contest, list[str]] = {}
    for clip in clips:
        if clip.contest is not None:
            members.setdefault(clip.contest, []).append(clip.id)
    return {
        one: Expected(stops, is_finished=number < contest.keep)
        for contest, ids in members.items()
        for number, (one, stops) in enumerate(zip(ids, judged_at(contest), strict=False))
    }


def _able(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if not one.is_lost]


def _left(behind: Sequence[Candidate], places: Mapping[str, Place]) -> dict[str, Place]:
    return {one.id: places[one.id] for one in behind if one.id in places and not one.is_lost}


def _number(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score


def _score(score: float | None) -> float | None:
    return None if score is None or math.isnan(score) else score
