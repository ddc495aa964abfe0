"""Handles an error after memory ran out: recognizes it, and releases the tensors that it keeps alive."""

from __future__ import annotations

import traceback
from types import TracebackType

from vgpipe.hardware.out_of_memory import chain, is_of_host, is_out_of_memory

__all__ = ["drop_traceback_locals", "is_of_host", "is_out_of_memory"]


def drop_traceback_locals(error: BaseException) -> None:
    """Clears the local variables of the finished frames in an error's tracebacks, so that they keep no tensor alive.

    The tracebacks themselves stay, with their lines. Frames that still run keep their variables.
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
