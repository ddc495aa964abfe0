"""Which clips memory had made otherwise than asked, so that the same job finds them in the store again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.clips.artifact_keys import Names
from vgpipe.clips.clip_state import ClipWork, Degradation
from vgpipe.clips.finished_files import Delivered
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.notes import Notes

NOTES_FILE = "memory-notes.jsonl"


@dataclass(frozen=True, slots=True)
class Bits:
    """What drove one stage, as far as memory may have changed it; see `Settings`."""

    quantization: dict[str, str]
    vae_tiling: bool
    vae_tile_size: int | None


@dataclass(frozen=True, slots=True)
class Size:
    """What was made: pixels, frames, and of a long clip those of a segment, and those that neighbours share."""

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

    def taken_by(self, clip: Clip) -> Clip:
        """Returns a clip at this size."""
        less = replace(clip, width=self.width, height=self.height, num_frames=self.num_frames)
        if less.continuation is None or self.segment_num_frames is None or self.overlap_num_frames is None:
            return less
        how = replace(
            less.continuation, segment_num_frames=self.segment_num_frames, overlap_num_frames=self.overlap_num_frames
        )
        return replace(less, continuation=how)


@dataclass(frozen=True, slots=True)
class Made:
    """How a clip was made.

    Attributes:
        stages: those that were not done as asked.
        segments: the same for each segment of a long clip; empty for one that is made at once.
        size: of the clip.
        degradations: what the user was told.
        memory_limit_gb: the limit that it was made under, GiB; None without one.
    """

    stages: dict[str, Bits]
    size: Size
    degradations: tuple[Degradation, ...]
    memory_limit_gb: float | None
    segments: tuple[dict[str, Bits], ...] = ()


@dataclass(frozen=True, slots=True)
class MadeOtherwise:
    """Remembers how clips were finished that could not be made as asked.

    Attributes:
        notes: what earlier runs learnt.
        family: drives the model as it was asked for.
        names: names artifacts.
        config: the whole config.
    """

    notes: Notes
    family: Family
    names: Names
    config: Config

    def remember(self, work: ClipWork, wanted: Clip) -> None:
        """Notes how a finished clip was made.

        Args:
            work: the clip.
            wanted: it, as its model was asked for.
        """
        if work.clip == wanted and not any(part.families for part in work.segments):
            return
        made = Made(
            _all_bits(work),
            Size.of(work.clip),
            work.all_degradations,
            self.config.hardware.memory_limit_gb,
            tuple(map(_all_bits, work.parts)),
        )
        self.notes.remember(self._about(self.names.keys_of(wanted)), asdict(made))

    def take(self, work: ClipWork, delivered: Delivered) -> bool:
        """Names a clip's artifacts as an earlier run made them, where they are still there and this run may take them.

        A run that has more memory, or asks for it to be used otherwise, tries the clip as it was asked for.

        Args:
            work: its keys are still those of the clip as it was asked for.
            delivered: knows which clips have their files.

        Returns:
            Whether it did.
        """
        made = _read(self.notes.find(self._about(work.keys))) if self.config.run.degrade != "strict" else None
        if made is None or self._has_more_than(made.memory_limit_gb):
            return False
        clip = made.size.taken_by(work.clip)
        if clip != work.clip and self.config.run.degrade != "any":
            return False
        if work.parts:
            is_taken = self._take_segments(work, clip, made, delivered)
        else:
            is_taken = self._take_whole(work, clip, made, delivered)
        if not is_taken:
            return False
        told = (one for one in made.degradations if one not in work.degradations)
        work.degradations = (*work.degradations, *told)
        return True

    def _take_whole(self, work: ClipWork, clip: Clip, made: Made, delivered: Delivered) -> bool:
        families = self._families(made.stages)
        keys = self.names.keys_of(clip, families)
        if not delivered.has(keys):
            return False
        if clip != work.clip:
            work.asked, work.clip = work.asked or work.clip, clip
        work.families, work.keys = families, keys
        return True

    def _take_segments(self, work: ClipWork, clip: Clip, made: Made, delivered: Delivered) -> bool:
        before = work.clip, work.parts, work.keys
        work.clip = clip
        self.names.divide(work)
        if len(made.segments) == len(work.parts):
            self._name(work, [self._families(stages) for stages in made.segments])
            if delivered.has(work.keys):
                work.asked = work.asked or (before[0] if clip != before[0] else None)
                return True
        work.clip, work.parts, work.keys = before
        return False

    def _name(self, work: ClipWork, families: Sequence[dict[str, Family]]) -> None:
        for part, own in zip(work.parts, families, strict=True):
            part.families = own
        self.names.rename(work)

    def _families(self, stages: Mapping[str, Bits]) -> dict[str, Family]:
        return {stage: self._family(bits) for stage, bits in stages.items()}

    def _has_more_than(self, memory_limit_gb: float | None) -> bool:
        limit_gb = self.config.hardware.memory_limit_gb
        return memory_limit_gb is not None and (limit_gb is None or limit_gb > memory_limit_gb)

    def _family(self, bits: Bits) -> Family:
        return self.family.with_settings(replace(self.family.settings, **asdict(bits)))

    def _about(self, asked: ClipKeys) -> dict[str, Any]:
        hardware = self.config.hardware
        device = {"hardware": hardware.name, "device": hardware.device}
        return {"made": asked.exports[0].digest, "memory": asdict(self.config.memory), **device}


def notes_of(store: Store) -> Notes:
    """Returns the notes that runs on a store keep for each other."""
    return Notes(store.root / NOTES_FILE)


def _all_bits(work: ClipWork) -> dict[str, Bits]:
    return {stage: _bits(one) for stage, one in work.families.items()}


def _bits(family: Family) -> Bits:
    settings = family.settings
    return Bits(dict(settings.quantization), settings.vae_tiling, settings.vae_tile_size)


def _read(fact: Any) -> Made | None:
    from pydantic import TypeAdapter, ValidationError

    if fact is None:
        return None
    try:
        return TypeAdapter(Made).validate_python(fact)
    except ValidationError:
        return None
