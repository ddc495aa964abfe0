"""What the store has of a clip's denoising: whether any of it is left to do, and whether a draft can be continued."""

from __future__ import annotations

from vgpipe.stages import checkpoints
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store

STEPS = "steps"
"""Among the inputs of the key of a preview: how many steps are done."""


def is_denoised(store: Store, keys: ClipKeys) -> bool:
    """Returns whether no step is left of what is asked for: the latents are there, or a draft that can be continued."""
    return store.find(keys.denoised) is not None and can_continue(store, keys)


def needs_decoding_at_most(store: Store, keys: ClipKeys) -> bool:
    """Returns whether nothing before the decoding is left to do."""
    return any(store.find(key) is not None for key in (keys.frames, keys.denoised)) and can_continue(store, keys)


def can_continue(store: Store, keys: ClipKeys) -> bool:
    """Returns whether what follows a draft is there: the finished latents, or a checkpoint that is as far.

    Args:
        store: where they are.
        keys: of a clip; one that is made to the end has nothing to continue.
    """
    if keys.preview is None or store.find(keys.latents) is not None:
        return True
    return checkpoints.steps_of(store, keys.latents) >= int(keys.preview.inputs[STEPS])
