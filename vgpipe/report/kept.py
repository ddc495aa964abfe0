"""Values that cost something, computed again when what they come from has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

MAX_SHARE = 0.05
"""The largest share of the time that goes into a value that changes all the time, as those of a run that renders do."""


class Kept(Generic[Value]):
    """A value that is kept until what it comes from has changed.

    Args:
        compute: makes it.
    """

    def __init__(self, compute: Callable[[], Value]):
        self._compute = compute
        self._known: tuple[object, Value] | None = None
        self._rests_until_s = 0.0

    def value(self, mark: object) -> Value:
        """Returns the value.

        Args:
            mark: another one as soon as the value may have changed. Where computing it takes long, the value of an
                earlier mark is returned for some time.
        """
        begun_s = time.monotonic()
        if self._known is not None and (self._known[0] == mark or begun_s < self._rests_until_s):
            return self._known[1]
        value = self._compute()
        self._known = mark, value
        ended_s = time.monotonic()
        self._rests_until_s = ended_s + (ended_s - begun_s) / MAX_SHARE
        return value
