"""What a card shows of the contest that its clip is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from vgpipe.report.values import float_of, int_of, table_of, text_of

KEPT = "kept"
FATES = {KEPT: "finished", "left": "left behind", "competing": "still open"}


class ContestCard(TypedDict):
    """How far a clip came: in a few words for its label, and in a sentence."""

    label: str
    text: str


def contest_of(record: Mapping[str, Any]) -> ContestCard | None:
    """Returns how far a clip came in its contest; None where it is in none, or its record does not say.

    Args:
        record: the clip's line in clips.jsonl, unchecked.
    """
    contest, standing = table_of(record.get("contest")), table_of(record.get("standing"))
    best_of, fate = int_of(contest.get("best_of")), FATES.get(str(standing.get("fate")))
    if best_of is None or fate is None:
        return None
    rank, of, step = (int_of(standing.get(name)) for name in ("rank", "of", "step"))
    ranked = f"rank {rank} of {of} at step {step}" if None not in (rank, of, step) else "not judged yet"
    scores = [f"{step} {_score(score)}" for step, score in list(table_of(standing.get("scores")).items())[:20]]
    by = text_of(standing.get("judge"))
    judged = f"; score by step: {', '.join(scores)}{f' ({by})' if by else ''}" if scores else ""
    label = f"best of {best_of}" if standing.get("fate") == KEPT else f"{rank} of {of}" if rank is not None else ""
    return {"label": label, "text": f"best of {best_of}: {fate}, {ranked}{judged}"}


def _score(value: object) -> str:
    score = float_of(value)
    return "none" if score is None else f"{score:.4g}"
