"""What is known of a clip that competes: its scores, and where it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vgpipe.clips.halving import Place
from vgpipe.job.clip import Contest
from vgpipe.report.values import float_of, int_of, table_of, text_of

DIGITS = 4


class Fate(StrEnum):
    """What became of a clip in its contest."""

    COMPETING = "competing"
    KEPT = "kept"
    """It is finished."""
    LEFT = "left"
    """It stays a draft."""


@dataclass(frozen=True, slots=True)
class ContestState:
    """How far a clip came in its contest.

    Attributes:
        scores: steps -> score there, the higher the better; None where the judge knew none.
        judge: who gave the last of them; "" before the first.
        place: where it came in the last judgement; None before the first.
        fate: what became of it.
    """

    scores: Mapping[int, float | None] = field(default_factory=dict)
    judge: str = ""
    place: Place | None = None
    fate: Fate = Fate.COMPETING

    def note(self, contest: Contest) -> str | None:
        """Returns a sentence on a clip that was left behind; None of any other.

        Args:
            contest: of the clip.
        """
        if self.fate is not Fate.LEFT or self.place is None:
            return None
        at, by = self.place, f", judge {self.judge}" if self.judge else ""
        score = "no score" if at.score is None else f"{at.score:.{DIGITS}g}"
        return f"best of {contest.best_of}: rank {at.rank} of {at.of} at step {at.step}: {score}{by}"


def record_of_contest(state: ContestState) -> dict[str, Any]:
    """Returns what a clip's line in clips.jsonl says of its contest, as plain values."""
    place = state.place
    return {
        "scores": {str(step): float_of(score) for step, score in state.scores.items()},
        "judge": state.judge or None,
        "step": place and place.step,
        "rank": place and place.rank,
        "of": place and place.of,
        "fate": state.fate.value,
    }


def scores_of_record(record: Mapping[str, Any]) -> dict[int, float | None]:
    """Returns the scores that a clip's line in clips.jsonl has; values of other types are left out.

    Args:
        record: the line, which may be one of an older version.
    """
    standing, draft, score = table_of(record.get("standing")), int_of(record.get("draft_steps")), record.get("score")
    found = {int(step): float_of(value) for step, value in table_of(standing.get("scores")).items() if step.isdecimal()}
    if draft is not None and isinstance(score, dict) and record.get("state") == "drafted":
        found[draft] = float_of(score.get("number"))
    return found


def judge_of_record(record: Mapping[str, Any]) -> str:
    """Returns who gave the last of the scores that a clip's line in clips.jsonl has; "" where nobody did."""
    of_preview, known = (text_of(table_of(record.get(key)).get("judge")) for key in ("score", "standing"))
    return of_preview or known or ""
