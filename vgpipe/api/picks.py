"""Which drafts a program wants to have continued."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vgpipe.api.results import ClipResult
from vgpipe.errors import UsageError
from vgpipe.runs.continuing import Choice

ALL = "all"
BEST = re.compile(r"best:([0-9]{1,6})")
ALLOWED = 'picks="all", "best:10", or a list of clips, ids or picks'
MAX_SHOWN = 80


def picks_of(picks: str | Iterable[str | ClipResult]) -> Choice:
    """Returns which drafts are continued.

    Args:
        picks: `all`, `best:10`, or several clips, ids or picks.

    Raises:
        UsageError: where it is something else, or empty.
    """
    if isinstance(picks, str):
        best = BEST.fullmatch(picks)
        if picks != ALL and (best is None or not int(best[1])):
            raise UsageError(f"picks={picks[:MAX_SHOWN]!r} does not say which drafts are continued -> {ALLOWED}")
        return Choice(best=int(best[1]) if best else None)
    names = tuple(one.id if isinstance(one, ClipResult) else one for one in picks)
    wrong = [one for one in names if not isinstance(one, str) or not one]
    if wrong or not names:
        raise UsageError(f"picks: {f'{wrong[0]!r} is no clip' if wrong else 'it is empty'} -> {ALLOWED}")
    return Choice(names=names)
