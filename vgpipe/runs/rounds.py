"""The rounds of contests: each attempt at a run's clips ends one, and says which of them are made further."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from vgpipe.clips.clip_record import PastRecord
from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.clips.contest_state import ContestState, Fate
from vgpipe.clips.halving import Candidate, Expected, Place, Standing, expected_stops, standing
from vgpipe.job.clip import Clip, Contest
from vgpipe.job.segments import work_of

log = logging.getLogger(__name__)


class Rounds:
    """Knows who is still in the contests of a run.

    Attributes:
        goals: id of a clip that competes -> the steps after which it stops, None for the end. Those that it lacks stop
            where they are judged first.
    """

    def __init__(self) -> None:
        self.goals: dict[str, int | None] = {}
        self._scores: dict[str, dict[int, float | None]] = defaultdict(dict)
        self._judges: dict[str, str] = {}
        self._known: dict[str, ContestState] = {}

    def remember(self, clips: Iterable[Clip], previous: Mapping[str, PastRecord]) -> None:
        """Takes over the scores that an earlier attempt at the run recorded.

        Args:
            clips: of the run, in job order.
            previous: id -> what it recorded.
        """
        competing = [clip for clip in clips if clip.contest is not None]
        for clip in competing:
            past = previous.get(clip.id, PastRecord())
            self._scores[clip.id] |= past.contest_scores
            self._judges[clip.id] = past.contest_judge
        for contest, members in _by_contest(competing):
            self._decide(contest, [clip.id for clip in members], lost=())

    def mark(self, state: ClipState) -> None:
        """Notes on a clip what is known of its contest."""
        if state.requested.contest is not None:
            state.note_contest(self._known.get(state.id, ContestState()))

    def advance(self, states: Sequence[ClipState]) -> list[ClipState]:
        """Takes in how an attempt ended; returns the clips that are made further now.

        Args:
            states: all clips of the run, in job order.
        """
        of_clip = {state.id: state for state in states}
        further: list[ClipState] = []
        for contest, members in _by_contest(state.requested for state in states):
            own = [of_clip[clip.id] for clip in members]
            for state in own:
                self._take_score(state, contest)
            lost = {state.id for state in own if state.status is Status.FAILED}
            before = {state.id: self.goal_of(state.requested) for state in own}
            self._decide(contest, list(before), lost)
            further += [state for state in own if state.id not in lost and self.goals[state.id] != before[state.id]]
            for state in own:
                self._tell(state)
        return further

    def goal_of(self, clip: Clip) -> int | None:
        """Returns the steps after which a clip that competes stops for now; None for the end."""
        contest = clip.contest
        return None if contest is None else self.goals.get(clip.id, contest.at[0])

    def expected(self, clips: Sequence[Clip]) -> dict[str, Expected]:
        """Returns how far the clips that compete are expected to come, by their ids.

        Args:
            clips: all clips of the run, in job order.
        """
        found: dict[str, Expected] = {}
        for contest, members in _by_contest(clips):
            if all(self._fate_of(clip) is not Fate.COMPETING for clip in members):
                goals = {clip.id: self.goal_of(clip) for clip in members}
                found |= {one: Expected(_up_to(contest, goal), goal is None) for one, goal in goals.items()}
            else:
                found |= expected_stops(sorted(members, key=self._prospect))
        return found

    def work_ahead(self, states: Sequence[ClipState]) -> float:
        """Returns the work of the rounds after this one, in the unit of `work_of`.

        Args:
            states: all clips of the run, in job order.
        """
        expected = self.expected([state.requested for state in states])
        ahead = 0.0
        for state in states:
            if state.id in expected:
                far = None if expected[state.id].is_finished else expected[state.id].judged[-1]
                ahead += max(0.0, work_of(state.clip, far) - work_of(state.clip, state.draft))
        return ahead

    def _fate_of(self, clip: Clip) -> Fate:
        return self._known.get(clip.id, ContestState()).fate

    def _prospect(self, clip: Clip) -> tuple[bool, int]:
        """Returns what clips are sorted by that are likely to come further."""
        known = self._known.get(clip.id, ContestState())
        return known.fate is Fate.LEFT, known.place.rank if known.place is not None else 0

    def _take_score(self, state: ClipState, contest: Contest) -> None:
        goal = self.goal_of(state.requested)
        if goal is None or not state.is_made or goal in self._scores[state.id]:
            return
        if state.draft == goal and state.score is not None:
            self._judges[state.id] = state.score.judge
            self._scores[state.id][goal] = state.score.number
        else:  # made by a model with fewer steps, or nobody judged
            self._scores[state.id][goal] = None

    def _decide(self, contest: Contest, members: Sequence[str], lost: Collection[str]) -> None:
        """Sets the goals of a contest's clips, and notes where each came."""
        candidates = [Candidate(one, self._scores[one], is_lost=one in lost) for one in members]
        found = standing(contest, candidates)
        for one in members:
            place = found.places.get(one)
            fate = _fate(one, found)
            self._known[one] = ContestState(dict(self._scores[one]), self._judges.get(one, ""), place, fate)
            if one in found.goals:
                self.goals[one] = found.goals[one]
            elif place is not None and one not in lost:
                self.goals[one] = _stop_of(place, self._scores[one])
            else:
                self.goals.setdefault(one, contest.at[0])

    def _tell(self, state: ClipState) -> None:
        contest, before = state.requested.contest, state.contest
        self.mark(state)
        note = state.contest.note(contest) if state.contest is not None and contest is not None else None
        if note is not None and (before is None or before.fate is not Fate.LEFT):
            log.info("%s: %s", state.id, note)


def _by_contest(clips: Iterable[Clip]) -> list[tuple[Contest, list[Clip]]]:
    found: dict[Contest, list[Clip]] = {}
    for clip in clips:
        if clip.contest is not None:
            found.setdefault(clip.contest, []).append(clip)
    return list(found.items())


def _fate(clip: str, found: Standing) -> Fate:
    if clip in found.left:
        return Fate.LEFT
    return Fate.KEPT if found.is_decided and clip in found.goals else Fate.COMPETING


def _stop_of(place: Place, scores: Mapping[int, float | None]) -> int:
    """Returns the steps of the last preview of a clip that was left behind."""
    return max((place.step, *scores))


def _up_to(contest: Contest, goal: int | None) -> tuple[int, ...]:
    return tuple(step for step in contest.at if goal is None or step <= goal)
