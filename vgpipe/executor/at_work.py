"""Which clip and stage the code that runs now works for, so that a log line of a library can name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_AT_WORK: ContextVar[str] = ContextVar("what is at work in this thread", default="")


@contextmanager
def at_work(stage: str, name: str) -> Iterator[None]:
    """Says what the block works for; holds for this thread alone.

    Args:
        stage: a stage of the pipeline.
        name: the id of a clip or a canary.
    """
    token = _AT_WORK.set(f"{stage} {name}")
    try:
        yield
    finally:
        _AT_WORK.reset(token)


def who_is_at_work() -> str:
    """Returns stage and clip, `denoise red-circle`; empty outside of any."""
    return _AT_WORK.get()
