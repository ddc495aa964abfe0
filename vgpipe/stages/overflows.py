"""Remembers which latents or frames overflowed, so that a later run need not compute them again."""

from __future__ import annotations

from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import OVERFLOW

FILE = "reason.txt"


def remember(store: Store, keys: ClipKeys, reason: str) -> None:
    """Notes in the store that a clip's latents or frames overflowed.

    Raises:
        StoreError: where the store cannot be written.
    """
    with store.create(_key(keys)) as draft:
        draft.path(FILE).write_text(reason, "utf-8")


def is_known(store: Store, keys: ClipKeys) -> bool:
    """Returns whether a clip's latents or frames are known to overflow with the current settings."""
    return store.find(_key(keys)) is not None


def _key(keys: ClipKeys) -> Key:
    return Key(OVERFLOW, {"frames": keys.frames.digest})
