"""Whose turn it is to encode a text that several workers need: each distinct one is encoded once."""

from __future__ import annotations

from typing import Protocol

from vgpipe.store.digest import Key


class TextTurns(Protocol):
    """Decides who encodes a text."""

    def take(self, key: Key) -> bool:
        """Says whether the text is to be encoded here; waits where somebody else does, and then it is in the store.

        Raises:
            Stopped: where the run is to stop meanwhile.
        """

    def ended(self, key: Key, *, is_there: bool) -> None:
        """Notes that a text that was taken is in the store, or could not be encoded."""


class OnlyWorker:
    """The turns of a worker that has nobody beside it."""

    def take(self, key: Key) -> bool:
        """Says that the text is to be encoded here."""
        return True

    def ended(self, key: Key, *, is_there: bool) -> None:
        """Notes nothing: nobody waits for it."""
