"""How much of each stage is left to do."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.executor.work import ClipWork
from vgpipe.stages.keys import DECODE, DENOISE, ENCODE, EXPORT
from vgpipe.store.artifacts import Store


def left_to_do(store: Store, works: Sequence[ClipWork]) -> dict[str, int]:
    """Returns the pieces of work that clips still need, by stage; what they share counts once.

    Args:
        store: what is in it is done.
        works: the clips.
    """
    parts = [part for work in works for part in work.segments]
    undecoded = [part for part in parts if store.find(part.keys.frames) is None]
    undenoised = [work for work in undecoded if store.find(work.keys.latents) is None]
    texts = {key.digest for work in undenoised for key in work.keys.texts if store.find(key) is None}
    return {
        ENCODE: len(texts),
        DENOISE: len({work.keys.latents.digest for work in undenoised}),
        DECODE: len({work.keys.frames.digest for work in undecoded}),
        EXPORT: len(works),
    }
