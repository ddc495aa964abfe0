"""How earlier runs made the clips that memory kept from being made as asked, so that the same job finds them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import Degradation
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.job.segments import segments_of
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.notes import Notes
from vgpipe.vocabulary import ANY, STRICT

NOTES_FILE = "memory-notes.jsonl"


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The settings of what drove one stage, as far as memory may have changed them; see `Settings`."""

    quantization: dict[str, str]
    vae_tiling: bool
    vae_tile_size: int | None


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a clip: pixels, frames, and of a long one those of a segment and those that neighbours share."""

    width: int
    height: int
    num_frames: int
    segment_num_frames: int | None = None
    overlap_num_frames: int | None = None

    @classmethod
    def of(cls, clip: Clip) -> Size:
        """Returns the size of a clip."""
        how = clip.continuation
        segments = (how.segment_num_frames, how.overlap_num_frames) if how else (None, None)
        return cls(clip.width, clip.height, clip.num_frames, *segments)

    def apply(self, clip: Clip) -> Clip:
        """Returns a clip at this size."""
        less = replace(clip, width=self.width, height=self.height, num_frames=self.num_frames)
        if less.continuation is None or self.segment_num_frames is None or self.overlap_num_frames is None:
            return less
        how = replace(
            less.continuation, segment_num_frames=self.segment_num_frames, overlap_num_frames=self.overlap_num_frames
        )
        return replace(less, continuation=how)


@dataclass(frozen=True, slots=True)
class PastFallback:
    """How a run made a clip; the store's notes hold it as JSON under these names.

    Attributes:
        stages: those of a short clip that were not done as asked.
        segments: the same for each segment of a long clip; empty for a short one.
        size: of the clip.
        degradations: those of the clip.
        memory_limit_gb: the memory limit of the run, GiB; None without one.
    """

    stages: dict[str, StageSettings]
    size: Size
    degradations: tuple[Degradation, ...]
    memory_limit_gb: float | None
    segments: tuple[dict[str, StageSettings], ...] = ()


@dataclass(frozen=True, slots=True)
class FallbackHistory:
    """Remembers how clips were finished that could not be made as asked.

    Attributes:
        notes: what earlier runs learnt.
        keys: computes store keys; its model's family drives the model as the user asked for it.
        config: the whole config.
    """

    notes: Notes
    keys: ArtifactKeys
    config: Config

    def remember(self, state: ClipState) -> None:
        """Notes how a finished clip was made, where that is not as asked."""
        if state.clip == state.initial and not state.has_fallback:
            return
        (asked, *_) = self.keys.of_clip(state.initial)
        self.notes.remember(self._note_key(asked), asdict(self.of(state)))

    def of(self, state: ClipState) -> PastFallback:
        """Returns how a clip is made now."""
        segments = tuple(_settings_of(segment) for segment in state.segments)
        return PastFallback(
            stages={} if state.is_long else segments[0],
            size=Size.of(state.clip),
            degradations=state.all_degradations,
            memory_limit_gb=self.config.hardware.memory_limit_gb,
            segments=segments if state.is_long else (),
        )

    def reuse(self, state: ClipState, finished: FinishedFiles) -> bool:
        """Makes a clip as an earlier run made it, where its files are still there and this run may take them.

        A run that has more memory, or asks for it to be used otherwise, tries the clip as asked.

        Args:
            state: its keys are still those of the clip as asked.
            finished: knows which clips have their files.

        Returns:
            Whether it did.
        """
        if self.config.run.degrade == STRICT:
            return False
        past = self.notes.find_as(PastFallback, self._note_key(state.keys))
        if past is None or self._has_more_than(past.memory_limit_gb):
            return False
        clip = past.size.apply(state.clip)
        if clip != state.clip and self.config.run.degrade != ANY:
            return False
        families = self._all_families(past)
        if len(families) != len(segments_of(clip)):
            return False
        keys = self.keys.of_clip(clip, families)
        if not finished.has(keys[0]):
            return False
        state.reuse_fallback(clip, keys, families, past.degradations)
        return True

    def take_over(self, state: ClipState, made: PastFallback) -> None:
        """Notes how a worker made a clip, except for its degradations."""
        clip, families = made.size.apply(state.initial), self._all_families(made)
        if clip != state.clip or any(families) or state.has_fallback:
            state.reuse_fallback(clip, self.keys.of_clip(clip, families), families, ())

    def _all_families(self, past: PastFallback) -> list[dict[str, Family]]:
        return [self._families(settings) for settings in past.segments or (past.stages,)]

    def _families(self, stages: Mapping[str, StageSettings]) -> dict[str, Family]:
        family = self.keys.model.family
        return {
            stage: family.with_settings(replace(family.settings, **asdict(settings)))
            for stage, settings in stages.items()
        }

    def _has_more_than(self, memory_limit_gb: float | None) -> bool:
        limit_gb = self.config.hardware.memory_limit_gb
        return memory_limit_gb is not None and (limit_gb is None or limit_gb > memory_limit_gb)

    def _note_key(self, asked: ClipKeys) -> dict[str, Any]:
        hardware = self.config.hardware
        device = {"hardware": hardware.name, "device": hardware.device}
        return {"made": asked.exports[0].digest, "memory": asdict(self.config.memory), **device}


def notes_of(store: Store) -> Notes:
    """Returns the notes that runs on a store keep for each other."""
    return Notes(store.root / NOTES_FILE)


def _settings_of(segment: SegmentState) -> dict[str, StageSettings]:
    return {stage: _stage_settings(family) for stage, family in segment.families.items()}


def _stage_settings(family: Family) -> StageSettings:
    settings = family.settings
    return StageSettings(dict(settings.quantization), settings.vae_tiling, settings.vae_tile_size)
