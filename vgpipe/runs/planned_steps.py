"""Which steps of each clip a run has to plan: those of a draft, or those that a draft has left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.halving import Expected
from vgpipe.stages.checkpoints import steps_of
from vgpipe.store.artifacts import Store

if TYPE_CHECKING:
    from vgpipe.plans.parts import StepsOf


def steps_of_states(
    states: Sequence[ClipState], store: Store, *, counts_done: bool, expected: Mapping[str, Expected] | None = None
) -> StepsOf:
    """Returns which steps of a clip are made.

    Args:
        states: of the clips.
        store: where their checkpoints lie.
        expected: how far those come that compete, by their ids.
        counts_done: whether steps that a checkpoint has are left out, as where drafts are continued.
    """
    from vgpipe.plans.parts import ALL, Steps, judged_steps

    found = {}
    for state in states:
        done = steps_of(store, state.keys.latents) if counts_done else 0
        if expected is not None and state.id in expected:
            found[state.clip] = judged_steps(expected[state.id], done)
        elif done or state.draft is not None:
            ahead = done if state.draft is None else min(done, state.draft - 1)
            found[state.clip] = Steps(done=ahead, stop=state.draft)
    return lambda clip: found.get(clip, ALL)
