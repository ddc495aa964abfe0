"""How many segments still need which decoded frames: they are large, and made again from the latents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipState

if TYPE_CHECKING:
    from collections.abc import Iterator


class FrameUsers:
    """Counts the users of frames: clips that differ only in fps share them."""

    def __init__(self) -> None:
        self._users: Counter[str] = Counter()

    def count(self, states: Iterable[ClipState]) -> None:
        """Counts the segments of clips that are still to be made; earlier counts are forgotten."""
        self._users = Counter(digest for state in states for digest in _digests(state))

    @contextmanager
    def changing(self, state: ClipState) -> Iterator[None]:
        """Counts a clip again whose store keys or segments change inside the block."""
        before = _digests(state)
        yield
        if any(digest in self._users for digest in before):
            self._users.subtract(before)
            self._users.update(_digests(state))

    def has(self, digest: str) -> bool:
        """Returns whether somebody still needs frames."""
        return self._users[digest] > 0

    def release(self, digest: str) -> bool:
        """Takes one user away; returns whether none is left."""
        self._users[digest] -= 1
        return self._users[digest] <= 0


def _digests(state: ClipState) -> list[str]:
    return [segment.keys.frames.digest for segment in state.segments]
