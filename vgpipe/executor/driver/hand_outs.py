"""From the clips of a run to what the scheduler weighs and what a worker is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.driver.scheduling import Work
from vgpipe.executor.workers.messages import WorkItem
from vgpipe.job.clip import Clip
from vgpipe.job.segments import work_of


class Kinds:
    """The kinds of clips of a run: those of one kind take the same memory and time.

    Args:
        states: the clips.
        size: returns the work of a clip, relative to others; None where forecasts say what each kind takes.

    Attributes:
        samples: the first clip of each kind.
    """

    def __init__(self, states: Sequence[ClipState], size: Callable[[Clip], float] | None = None):
        self._size = size
        self.samples: list[Clip] = []
        self._numbers: dict[Clip, int] = {}
        self._by_shape: dict[object, int] = {}
        for state in states:
            kind = _kind(state.initial)
            if kind not in self._numbers:
                self._numbers[kind] = len(self.samples)
                self.samples.append(state.initial)
            for segment in state.segments:
                self._by_shape.setdefault(segment.shape, self._numbers[kind])

    def of(self, state: ClipState) -> int:
        """Returns the number of a clip's kind; for a canary that of a kind that it represents."""
        if isinstance(state, CanaryState):
            return self._by_shape.get(state.segments[0].shape, 0)
        return self._numbers[_kind(state.initial)]

    def size_of(self, state: ClipState) -> float:
        """Returns the work of a clip relative to others of its kind, or of all kinds where no forecast tells."""
        drafted = 1.0 if state.draft is None else work_of(state.initial, state.draft) / work_of(state.initial)
        if self._size is None:
            return drafted
        return drafted * self._size(state.initial) / self._mean_size

    @cached_property
    def _mean_size(self) -> float:
        return sum(map(self._size, self.samples)) / len(self.samples) if self._size and self.samples else 1.0


def _kind(clip: Clip) -> Clip:
    """Returns a clip without what neither memory nor time depends on."""
    shots = tuple(replace(shot, prompt="") for shot in clip.shots)
    return replace(clip, id="", prompt="", negative_prompt="", seed=0, fps=1.0, shots=shots)


def works_of(states: Sequence[ClipState], kinds: Kinds) -> list[Work]:
    """Returns what the scheduler weighs; clips that share latents, such as those that differ only in fps, are a group.

    Args:
        states: the clips to make.
        kinds: numbers their kinds.
    """
    users: dict[str, int] = {}
    for state in states:
        users[state.keys.latents.digest] = users.get(state.keys.latents.digest, 0) + 1
    return [
        Work(
            id=state.clip.id if state.is_canary else state.id,
            kind=kinds.of(state),
            size=kinds.size_of(state),
            group=digest if users[digest := state.keys.latents.digest] > 1 else "",
        )
        for state in states
    ]


def item_of(state: ClipState) -> WorkItem:
    """Returns what a worker is handed of a clip."""
    return WorkItem(
        clip=state.initial,
        requested=state.requested,
        degradations=state.degradations,
        setting_notes=state.setting_notes,
        text_notes=state.text_notes,
        represents_steps=state.represents_steps if isinstance(state, CanaryState) else None,
        draft=state.draft,
    )
