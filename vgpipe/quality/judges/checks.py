"""The judge `checks`: how many checks of decoded frames a preview fails, and how many warn.

It costs nothing, as the checks are measured anyway, and ranks only what is broken behind what is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from vgpipe.quality.judges.base import Judge, Needs
from vgpipe.quality.verdict import Result, Verdict

CHECKS = Judge("checks", Needs.FRAMES, version=1)
OF_WARNING = 0.01
"""What a warning counts beside a failed check: any number of them count less than one of these."""


def score(verdicts: Iterable[Verdict]) -> float:
    """Returns the score of a preview: 0 where every check passed, below 0 otherwise.

    Args:
        verdicts: of the checks that hold for clips with few steps.
    """
    results = [verdict.result for verdict in verdicts]
    return -(results.count(Result.FAILED) + OF_WARNING * results.count(Result.WARNED)) + 0.0
