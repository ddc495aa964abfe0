"""The store keys of clips and of their segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import Degradation
from vgpipe.job.clip import Clip
from vgpipe.job.drafts import segments_made
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys, KeyMaker

Families = Mapping[str, Family]


@dataclass(frozen=True, slots=True)
class ArtifactKeys:
    """Computes the store keys of one model's artifacts, exported in the ways that the user asked for.

    Attributes:
        model: makes the keys.
        exporters: name and settings of each exporter, as plain values; the first is what the user asked for first.
    """

    model: KeyMaker
    exporters: tuple[Mapping[str, Any], ...]

    def of_clip(
        self, clip: Clip, families: Sequence[Families] | None = None, *, draft: int | None = None
    ) -> tuple[ClipKeys, ...]:
        """Returns the keys of each segment of a clip that is made.

        Args:
            clip: the clip.
            families: for each segment, stage -> what drives it where that is not the model's own family.
            draft: the steps after which it stops; None where it is made to the end.
        """
        segments = segments_made(clip, draft)
        return self.model.segment_keys(segments, clip.fps, self.exporters, families or [{}] * len(segments), draft)

    def new_state(
        self,
        clip: Clip,
        *,
        requested: Clip | None = None,
        degradations: tuple[Degradation, ...] = (),
        notes: tuple[str, ...] = (),
        keys: Sequence[ClipKeys] | None = None,
        draft: int | None = None,
    ) -> ClipState:
        """Returns the state of a clip that nothing is known of yet.

        Args:
            clip: what to make.
            requested: the clip that the user asked for; None where that is `clip`.
            degradations: what the user did not ask for.
            notes: what its settings alone tell, a sentence each.
            keys: the keys of each segment, where they are known already.
            draft: the steps after which it stops; None where it is made to the end.
        """
        own = keys or self.of_clip(clip, draft=draft)
        return ClipState(clip, own, requested=requested, degradations=degradations, notes=notes, draft=draft)

    def new_canary(self, clip: Clip, represents_steps: int) -> CanaryState:
        """Returns the state of a canary."""
        return CanaryState(clip, self.of_clip(clip), represents_steps=represents_steps)

    def rekey(self, state: ClipState) -> None:
        """Computes the keys of a clip again after what drives it has changed: that reaches all segments that follow."""
        state.rekey(self._after_changes(state, state.clip))

    def resize(self, state: ClipState, clip: Clip) -> None:
        """Makes another clip of a state; a long one is split into new segments that no other family drives."""
        if state.is_long or clip.continuation is not None:
            state.resize(clip, self.of_clip(clip, draft=state.draft))
        else:
            state.resize(clip, self._after_changes(state, clip))

    def end_with(self, state: ClipState, last: SegmentState) -> None:
        """Leaves the segments after one out: the files of a clip that ends early have keys of their own."""
        segments = [one.segment for one in state.segments[: last.segment.index + 1]]
        families = [one.families for one in state.segments[: len(segments)]]
        keys = self.model.segment_keys(segments, state.clip.fps, self.exporters, families, state.draft)
        state.end_with(last, keys)

    def _after_changes(self, state: ClipState, clip: Clip) -> tuple[ClipKeys, ...]:
        return self.of_clip(clip, [segment.families for segment in state.segments], draft=state.draft)
