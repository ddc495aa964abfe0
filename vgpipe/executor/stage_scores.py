"""Has previews judged while what judges them is loaded; a judge that fails costs a score and no clip."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import SegmentState
from vgpipe.clips.scoring import Scoring
from vgpipe.errors import Stopped, first_line
from vgpipe.executor.stage_inputs import conditioning_frames, denoised_clip, required, windows_of
from vgpipe.memory.out_of_memory import drop_traceback_locals
from vgpipe.memory.residency import Take
from vgpipe.models.base import Family
from vgpipe.quality.judges.base import Needs
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DECODE, DENOISE

if TYPE_CHECKING:
    from vgpipe.store.artifacts import Artifact
    from vgpipe.store.digest import Key

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StageScores:
    """Judges the previews that the stages of one device make.

    Attributes:
        scoring: knows the judge, and where scores are.
    """

    scoring: Scoring

    @property
    def _store(self) -> Store:
        return self.scoring.store

    def texts(self, segment: SegmentState, family: Family) -> list[tuple[Key, str]]:
        """Returns the text that a draft is judged by beside its prompt, where denoising encodes none; with its key."""
        if self._missing(segment, Needs.DENOISER) is None or segment.keys.negative is not None:
            return []
        return [self._other_text(segment, family)]

    def denoised(self, segment: SegmentState, family: Family, take: Take[Family]) -> None:
        """Has a preview judged by the denoiser that made it, where that is wanted and not done."""
        key = self._missing(segment, Needs.DENOISER)
        if key is not None:
            self._judge(segment, DENOISE, lambda: self._by_adherence(key, segment, family, take))

    def decoded(self, segment: SegmentState) -> None:
        """Has the frames of a preview judged by the user's own model, where that is wanted and not done."""
        key = self._missing(segment, Needs.OWN_MODEL)
        if key is not None:
            self._judge(segment, DECODE, lambda: self._by_clip_model(key, segment))

    def _missing(self, segment: SegmentState, needs: Needs) -> Key | None:
        """Returns the key of a draft's score; None where the judge needs something else, or it is there."""
        if segment.keys.preview is None or self.scoring.judge.needs is not needs:
            return None
        key = self.scoring.key_of(segment)
        return None if key is None or self._store.find(key) is not None else key

    def _judge(self, segment: SegmentState, stage: str, judge: Callable[[], Artifact | None]) -> None:
        try:
            artifact = judge()
        except Stopped:
            raise
        except Exception as error:  # a clip without a score ranks last, and is a clip all the same
            drop_traceback_locals(error)
            log.warning("%s: its preview has no score: %s", segment.clip.id, first_line(error))
            return
        if artifact is not None:
            segment.add_seconds(stage, float(artifact.info["seconds"]))

    def _other_text(self, segment: SegmentState, family: Family) -> tuple[Key, str]:
        from vgpipe.stages.keys import text_key

        if segment.keys.negative is not None:
            return segment.keys.negative, segment.clip.negative_prompt
        return text_key(family, ""), ""

    def _by_adherence(self, key: Key, segment: SegmentState, family: Family, take: Take[Family]) -> Artifact | None:
        from vgpipe.stages import denoise, encode, judging

        keys, given_NHWC = segment.keys, conditioning_frames(self._store, segment)
        other, _ = self._other_text(segment, family)
        from_image = segment.clip.is_given_frames or given_NHWC is not None
        return judging.by_adherence(
            self._store,
            key,
            denoised_clip(segment),
            denoise.read(required(self._store, keys.denoised)),
            family=family,
            components=take(family, family.denoise_components(from_image=from_image)),
            embeds=encode.read(required(self._store, keys.prompt)),
            without=encode.read(required(self._store, other)),
            given_NHWC=given_NHWC,
            windows=windows_of(self._store, segment),
        )

    def _by_clip_model(self, key: Key, segment: SegmentState) -> Artifact | None:
        from vgpipe.stages import judging
        from vgpipe.stages.decode import StoredFrames

        frames = StoredFrames(required(self._store, segment.keys.frames))
        return judging.by_clip_model(self._store, key, frames, segment.clip.prompt, self.scoring.clip_model)
