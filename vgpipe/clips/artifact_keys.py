"""Names the artifacts of clips and of their segments, and cuts long clips into segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vgpipe.clips.clip_state import ClipWork
from vgpipe.job.clip import Clip
from vgpipe.job.segments import segments_of
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys, KeyMaker


@dataclass(frozen=True, slots=True)
class Names:
    """Names artifacts of one model, exported in the ways that were asked for.

    Attributes:
        model: makes the keys.
        exporters: the name and settings of each, as plain values; the first is what the user asked for first.
    """

    model: KeyMaker
    exporters: tuple[Mapping[str, Any], ...]

    def keys_of(self, clip: Clip, families: Mapping[str, Family] | None = None) -> ClipKeys:
        """Returns the names of a clip's artifacts; of a long one, those of its first segment."""
        return self.model.clip_keys(clip, self.exporters, families)

    def divide(self, work: ClipWork) -> ClipWork:
        """Gives a long clip its segments, each with its own names; returns it."""
        if work.clip.continuation is not None:
            segments = segments_of(work.clip)
            work.parts = tuple(ClipWork(one.clip, work.keys, segment=one, whole=work) for one in segments)
            self.rename(work)
        return work

    def rename(self, work: ClipWork) -> list[tuple[ClipKeys, ClipKeys]]:
        """Names a long clip's artifacts after what drives its segments by now: a change reaches all that follow it.

        Returns:
            The names of each segment before and after.
        """
        before = [part.keys for part in work.parts]
        segments = [part.segment for part in work.parts if part.segment is not None]
        families = [part.families for part in work.parts]
        after = self.model.segment_keys(segments, work.clip.fps, self.exporters, families)
        for part, keys in zip(work.parts, after, strict=True):
            part.keys = keys
        work.keys = after[0]
        return list(zip(before, after, strict=True))
