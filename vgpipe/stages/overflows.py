"""Which artifacts came out as no numbers, so that a later run need not find out by making them once more."""

from __future__ import annotations

from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

OVERFLOW, FILE = "overflow", "reason.txt"


def remember(store: Store, keys: ClipKeys, reason: str) -> None:
    """Notes in the store that a clip's latents or frames overflowed.

    Raises:
        StoreError: where the store cannot be written.
    """
    with store.create(_key(keys)) as draft:
        draft.path(FILE).write_text(reason, "utf-8")


def is_known(store: Store, keys: ClipKeys) -> bool:
    """Says whether a clip's latents or frames are known to overflow as they are to be made now."""
    return store.find(_key(keys)) is not None


def _key(keys: ClipKeys) -> Key:
    return Key(OVERFLOW, {"frames": keys.frames.digest})
