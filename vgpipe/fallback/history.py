"""How earlier runs made the clips that memory kept from being made as asked, so that the same job finds them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import Degradation
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.config.schema import Config
from vgpipe.fallback.files_gate import FilesGate
from vgpipe.job.clip import Clip
from vgpipe.job.drafts import segments_made
from vgpipe.job.resized import resized
from vgpipe.models.base import Family, Settings
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.notes import Notes
from vgpipe.vocabulary import ANY, STRICT

NOTES_FILE = "memory-notes.jsonl"
OTHERS = ("component_dtypes", "vae_slicing", "attention")


@dataclass(frozen=True, slots=True)
class StageSettings:
    """The settings of what drove one stage, as far as memory or a failed check may have changed them; see `Settings`.

    Precision, slices and attention are None where they are those of the run's own family, as in notes of older
    versions; `drops_cache` says that its step cache was left out.
    """

    quantization: dict[str, str]
    vae_tiling: bool
    vae_tile_size: int | None
    component_dtypes: dict[str, str] | None = None
    vae_slicing: bool | None = None
    attention: str | None = None
    drops_cache: bool = False

    @classmethod
    def of(cls, settings: Settings, asked: Settings) -> StageSettings:
        """Returns those of a family, beside those that the user asked for."""
        others = {name: value for name in OTHERS if (value := getattr(settings, name)) != getattr(asked, name)}
        drops_cache = settings.cache is None and asked.cache is not None
        tiles = settings.vae_tiling, settings.vae_tile_size
        return cls(dict(settings.quantization), *tiles, drops_cache=drops_cache, **others)

    def over(self, asked: Settings) -> Settings:
        """Returns the settings of a family, from those that the user asked for."""
        others: dict[str, Any] = {name: value for name in OTHERS if (value := getattr(self, name)) is not None}
        return replace(
            asked,
            quantization=self.quantization,
            vae_tiling=self.vae_tiling,
            vae_tile_size=self.vae_tile_size,
            cache=None if self.drops_cache else asked.cache,
            **others,
        )


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
        less = resized(clip, width=self.width, height=self.height, num_frames=self.num_frames)
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
        seed: of the clip, where it is another one than was asked for; else None.
    """

    stages: dict[str, StageSettings]
    size: Size
    degradations: tuple[Degradation, ...]
    memory_limit_gb: float | None
    segments: tuple[dict[str, StageSettings], ...] = ()
    seed: int | None = None

    def clip(self, asked: Clip) -> Clip:
        """Returns what was made of a clip."""
        made = self.size.apply(asked)
        return made if self.seed is None else replace(made, seed=self.seed)


@dataclass(frozen=True, slots=True)
class FallbackHistory:
    """Remembers how clips were finished that could not be made as asked.

    Attributes:
        notes: what earlier runs learnt.
        keys: computes store keys; its model's family drives the model as the user asked for it.
        config: the whole config.
        gate: says which finished files a run takes; None takes all.
    """

    notes: Notes
    keys: ArtifactKeys
    config: Config
    gate: FilesGate | None = None

    def remember(self, state: ClipState) -> None:
        """Notes how a finished clip was made, where that is not as asked; nothing of one that ended early."""
        if state.clip == state.initial and not state.has_fallback:
            return
        if len(state.segments) < len(segments_made(state.clip, state.draft)):
            return
        (asked, *_) = self.keys.of_clip(state.initial, draft=state.draft)
        self.notes.remember(self._note_key(asked), asdict(self.of(state)))

    def of(self, state: ClipState) -> PastFallback:
        """Returns how a clip is made now."""
        asked = self.keys.model.family.settings
        segments = tuple(_settings_of(segment, asked) for segment in state.segments)
        return PastFallback(
            stages={} if state.is_long else segments[0],
            size=Size.of(state.clip),
            degradations=state.all_degradations,
            memory_limit_gb=self.config.hardware.memory_limit_gb,
            segments=segments if state.is_long else (),
            seed=state.clip.seed if state.clip.seed != state.initial.seed else None,
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
        clip = past.clip(state.clip)
        if clip != state.clip and self.config.run.degrade != ANY:
            return False
        families = self._all_families(past)
        if len(families) != len(segments_made(clip, state.draft)):
            return False
        keys = self.keys.of_clip(clip, families, draft=state.draft)
        artifacts = finished.found(keys[0])
        if artifacts is None or not self._takes(clip, past, artifacts, state.draft):
            return False
        state.reuse_fallback(clip, keys, families, past.degradations)
        return True

    def take_over(self, state: ClipState, made: PastFallback) -> None:
        """Notes how a worker made a clip, except for its degradations."""
        clip, families = made.clip(state.initial), self._all_families(made)
        count = len(segments_made(clip, state.draft))
        is_whole = len(families) == count
        if clip == state.clip and is_whole and not any(families) and not state.has_fallback:
            return
        families += [{} for _ in range(count - len(families))]
        state.reuse_fallback(clip, self.keys.of_clip(clip, families, draft=state.draft), families, ())
        if not is_whole:
            self.keys.end_with(state, state.segments[len(made.segments) - 1])

    def _takes(self, clip: Clip, past: PastFallback, artifacts: Sequence[Artifact], draft: int | None) -> bool:
        return self.gate is None or self.gate.takes_fallback(clip, past.degradations, artifacts, draft)

    def _all_families(self, past: PastFallback) -> list[dict[str, Family]]:
        return [self._families(settings) for settings in past.segments or (past.stages,)]

    def _families(self, stages: Mapping[str, StageSettings]) -> dict[str, Family]:
        family = self.keys.model.family
        return {stage: family.with_settings(settings.over(family.settings)) for stage, settings in stages.items()}

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


def _settings_of(segment: SegmentState, asked: Settings) -> dict[str, StageSettings]:
    return {stage: StageSettings.of(family.settings, asked) for stage, family in segment.families.items()}
