"""Finds clips that have equal frames although their seeds differ."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.judging import Judge
from vgpipe.job.clip import Clip
from vgpipe.quality.base import Bad
from vgpipe.quality.verdict import Verdict

NAME = "same_frames"


class SameFrames:
    """Remembers the frames of the clips of a run."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], list[tuple[Clip, str]]] = {}

    def verdict(self, state: ClipState, frames: tuple[str, ...], judge: Judge) -> Verdict | None:
        """Compares a clip with those that came before; returns None where that is switched off, or nothing is known.

        Args:
            state: the clip.
            frames: digests of the frames of its segments.
            judge: knows the limits.
        """
        if not frames:
            return None
        made = replace(state.clip, id="", fps=1.0)
        others = [
            name
            for clip, name in self._known.get(frames, ())
            if clip.seed != made.seed and replace(clip, seed=made.seed) == made
        ]
        if (made, state.id) not in self._known.setdefault(frames, []):
            self._known[frames].append((made, state.id))
        says = f"every frame is that of {others[0]}, although their seeds differ" if others else ""
        return judge.number(NAME, len(others), says, bad=Bad.ABOVE)
