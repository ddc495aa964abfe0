"""What to do with an error when memory ran out: know it, and let go of what it keeps alive."""

from __future__ import annotations

import traceback
from types import TracebackType

from vgpipe.hardware.out_of_memory import chain, is_of_host, is_out_of_memory

__all__ = ["drop_traceback_locals", "is_of_host", "is_out_of_memory"]


def drop_traceback_locals(error: BaseException) -> None:
    """Empties the finished frames that an error's tracebacks hold, so that no tensor lives on in them.

    The traceback itself stays, with its lines; only the local variables in it are gone. Frames that still run keep
    theirs.
    """
    for one in _all(error):
        _clear(one.__traceback__)


def _all(error: BaseException) -> list[BaseException]:
    """Returns the errors of its chain, those with a suppressed context too: they live as long as the error does."""
    found = list(chain(error))
    hidden = [one.__context__ for one in found if one.__suppress_context__ and one.__context__ is not None]
    return found + [each for one in hidden if one not in found for each in _all(one)]


def _clear(trace: TracebackType | None) -> None:
    if trace is not None:
        traceback.clear_frames(trace)
