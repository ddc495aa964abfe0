"""The pieces of work that are left of a run, and how much each is: what a clip's pixels, frames and steps say.

Where clips differ, the first ones tell how long the others take only in proportion to this; the more so where the long
ones go first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.job.clip import Clip
from vgpipe.job.segments import work_of
from vgpipe.stages.denoised import is_denoised
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT


class PieceSizes:
    """The size of each piece; the mean of a stage is 1.

    Args:
        sizes: stage -> name of a clip or segment -> its size.
    """

    def __init__(self, sizes: Mapping[str, Mapping[str, float]]):
        self._sizes = sizes

    def of(self, stage: str, name: str) -> float:
        """Returns the size of a piece; 1 for an unknown one."""
        return self._sizes.get(stage, {}).get(name, 1.0)


ALIKE = PieceSizes({})
"""All pieces of a stage are the same work."""


def piece_sizes(states: Sequence[ClipState], canaries: Iterable[CanaryState] = ()) -> PieceSizes:
    """Returns the sizes of the pieces of clips.

    Args:
        states: the clips that are to be made.
        canaries: those that go first; their sizes are those of the clips that they represent.
    """
    found: dict[str, dict[str, float]] = {DENOISE: {}, DECODE: {}, EXPORT: {}}
    for state in states:
        _add(found, state)
    means = {stage: sum(sizes.values()) / len(sizes) for stage, sizes in found.items() if sizes}
    for canary in canaries:
        _add(found, canary, canary.represents_steps / canary.clip.num_inference_steps)
    for state in (one for one in states if one.is_long):  # by its own name: the mean of its segments
        for stage in (DENOISE, DECODE):
            found[stage][state.id] = sum(found[stage][one.clip.id] for one in state.segments) / len(state.segments)
    return PieceSizes({s: {name: size / means[s] for name, size in found[s].items()} for s in means})


def _add(found: dict[str, dict[str, float]], state: ClipState, scale: float = 1.0) -> None:
    for segment in state.segments:
        planned = segment.planned
        work = (
            _pixels(planned) * planned.num_inference_steps if state.draft is None else work_of(state.clip, state.draft)
        )
        found[DENOISE][segment.clip.id] = scale * work
        found[DECODE][segment.clip.id] = _pixels(segment.clip)
    found[EXPORT][state.id] = _pixels(state.clip if state.draft is None else state.segments[0].clip)


def _pixels(clip: Clip) -> float:
    return float(clip.width * clip.height * clip.num_frames)


def count_remaining(store: Store, states: Sequence[ClipState]) -> dict[str, int]:
    """Returns the pieces of work that clips still need, by stage; what they share counts once.

    Args:
        store: what is in it is done.
        states: the clips.
    """
    segments = [segment for state in states for segment in state.segments]
    undecoded = [segment for segment in segments if store.find(segment.keys.frames) is None]
    undenoised = [segment for segment in undecoded if not is_denoised(store, segment.keys)]
    texts = {key.digest for segment in undenoised for key in segment.keys.texts if store.find(key) is None}
    return {
        ENCODE: len(texts),
        DENOISE: len({segment.keys.latents.digest for segment in undenoised}),
        DECODE: len({segment.keys.frames.digest for segment in undecoded}),
        EXPORT: len(states),
    }
