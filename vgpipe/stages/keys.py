"""The store keys of every stage: what can change an artifact's bits, and nothing else.

Placement and speed (device, memory strategy, executor) are left out; precision is in. Keys also hold versions, each
defined beside the code whose bits it stands for. A change of that code which gives other bits for the same inputs
raises the version; `tests/stages/test_known_bits.py` notices where that was forgotten.

| version | covers |
| --- | --- |
| `stages.encode.VERSION` | how families and their pipelines encode a text |
| `stages.denoise.VERSION` | noise, `models/resumable.py`, `stages/images.py`, the stock call that each family makes |
| `stages.denoise.PREVIEW_VERSION` | what a model predicts in the middle of denoising |
| `models.windows.blend.VERSION` | where windows start, how their predictions are blended, which prompt holds in each |
| `stages.decode.VERSION` | slicing of latents, the decoding call, layout of VAE tiles, rounding to 8 bits |
| `stages.seams.VERSION`, `.TAIL_VERSION` | colour match and blend of segments; the frames handed to the next segment |
| `models.weights.quantize.NAMES_IN_KEYS` | rounding of stored weights: a method with other rounding gets a new name |
| `stages.export.VERSION`, `exporters.base.VERSIONS` | what all exporters write; what one exporter writes |
| `exporters.soundtrack.VERSION`, `sound.joined.VERSION` | encoders of sound, its length; how segments are joined |
| `stages.given_sound.VERSION` | which samples of a sound file are taken |
| `exporters.watermark.VERSION`, `exporters.recipe.VERSION` | drawing of a watermark; text of the recipe in a file |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from vgpipe.exporters import recipe, watermark
from vgpipe.exporters.base import identity
from vgpipe.exporters.rates import identity_of_rate
from vgpipe.exporters.soundtrack import KINDS
from vgpipe.job.audio import OF_MODEL, has_sound
from vgpipe.job.clip import Clip
from vgpipe.job.segment import WINDOW, Segment
from vgpipe.models.base import WHOLE_SCHEDULE, Family
from vgpipe.stages import decode, denoise, encode, export
from vgpipe.store.digest import Key
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT, PREVIEW, TAIL

VERSIONS = {
    ENCODE: encode.VERSION,
    DENOISE: denoise.VERSION,
    DECODE: decode.VERSION,
    EXPORT: export.VERSION,
}
Families = Mapping[str, Family]


@dataclass(frozen=True, slots=True)
class ClipKeys:
    """The store keys of the artifacts of one clip, or of one segment.

    Attributes:
        prompt: of the encoded prompt.
        negative: of the encoded negative prompt; None where it is not used.
        latents: of the latents, which all pieces of a trajectory share.
        frames: of the decoded frames.
        exports: of the finished files, one for each exporter, which all segments of a clip share.
        tail: of the last frames, that the next segment continues from; None where none does.
        later: of the encoded prompts of later shots, where one trajectory has several.
        preview: of what the model predicts the latents to become, after the steps of a draft; None of a clip that is
            made to the end. Frames and finished files are then those of the preview.
    """

    prompt: Key
    negative: Key | None
    latents: Key
    frames: Key
    exports: tuple[Key, ...]
    tail: Key | None = None
    later: tuple[Key, ...] = ()
    preview: Key | None = None

    @property
    def denoised(self) -> Key:
        """What denoising leaves for decoding: the preview of a draft, else the latents."""
        return self.preview or self.latents

    @property
    def texts(self) -> tuple[Key, ...]:
        """The keys of all its encoded texts: the prompt, the negative one if any, those of later shots."""
        return (self.prompt, *((self.negative,) if self.negative else ()), *self.later)


class FamilyKeys:
    """Makes the keys of what one family drives; computes once what all clips of a job share.

    Args:
        family: drives the model.
    """

    def __init__(self, family: Family):
        self.family = family
        self._texts: dict[str, Key] = {}
        self._denoising: dict[bool, Mapping[str, Any]] = {}

    def text(self, text: str) -> Key:
        """Returns the key of one encoded text."""
        if text not in self._texts:
            self._texts[text] = text_key(self.family, text)
        return self._texts[text]

    def latents(self, *, from_image: bool, **inputs: Any) -> Key:
        """Returns the key of latents, from all that a clip says of them."""
        if from_image not in self._denoising:
            self._denoising[from_image] = self.family.denoise_identity(from_image=from_image)
        return _key(self.family, DENOISE, self._denoising[from_image], **inputs)

    def frames(self, **inputs: Any) -> Key:
        """Returns the key of decoded frames."""
        return _key(self.family, DECODE, self._decoding, **inputs)

    @cached_property
    def _decoding(self) -> Mapping[str, Any]:
        return _identities(self.family, self.family.decode_components)


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """Makes the keys of clips of one model.

    Attributes:
        family: drives the model; the digests of its files are read once.
        watermark: text drawn over the frames of a placeholder; None leaves them as they are.
        carries_recipe: whether finished files say how they were made.
        makes_sound: whether the model makes sound.
    """

    family: Family
    watermark: str | None = None
    carries_recipe: bool = False
    makes_sound: bool = False
    _of_families: dict[int, FamilyKeys] = field(default_factory=dict, init=False, repr=False, compare=False)

    def segment_keys(
        self,
        segments: Sequence[Segment],
        fps: float,
        exporters: Sequence[Mapping[str, Any]],
        families: Sequence[Families],
        draft: int | None = None,
    ) -> tuple[ClipKeys, ...]:
        """Returns every key of each segment of one clip.

        Args:
            segments: all that are made, in order; of a draft the first alone.
            fps: frames per second of playback.
            exporters: the name and settings of each, as plain values.
            families: of each segment, stage -> what drives it, where that is not `family`.
            draft: the steps after which the clip stops; None where it is made to the end.
        """
        made: list[ClipKeys] = []
        for number, (segment, own) in enumerate(zip(segments, families, strict=True)):
            following = segments[number + 1] if number + 1 < len(segments) else None
            made.append(self._segment(segment, own, made[-1] if made else None, following, draft))
        file = {**_export_inputs(segments, made), "fps": float(fps), **self._marks()}
        sound = self._sound(segments[0].clip)
        exports = tuple(
            _versioned(
                EXPORT,
                **file,
                **(sound if settings["name"] in KINDS else {}),
                exporter=identity(settings) | identity_of_rate(settings, fps),
            )
            for settings in exporters
        )
        return tuple(replace(one, exports=exports) for one in made)

    def _keys_of(self, family: Family) -> FamilyKeys:
        # Its keys hold the family, so that no other gets its id.
        if id(family) not in self._of_families:
            self._of_families[id(family)] = FamilyKeys(family)
        return self._of_families[id(family)]

    def _sound(self, clip: Clip) -> dict[str, Any]:
        """Returns what a file with sound holds of it; nothing of a clip without."""
        if not has_sound(clip, makes_sound=self.makes_sound):
            return {}
        from vgpipe.exporters import soundtrack
        from vgpipe.sound import joined

        if clip.audio_sha256 is None:
            return {"audio": OF_MODEL, "sound": {"joined": joined.VERSION, "version": soundtrack.VERSION}}
        from vgpipe.stages import given_sound

        versions = {"read": given_sound.VERSION, "version": soundtrack.VERSION}
        return {"audio": clip.audio_sha256, "sound": versions}

    def _marks(self) -> dict[str, Any]:
        marks: dict[str, Any] = {}
        if self.watermark:
            marks["watermark"] = self.watermark
            if watermark.VERSION > 1:  # the first version had no number
                marks["watermark_version"] = watermark.VERSION
        if self.carries_recipe:
            marks["recipe"] = recipe.VERSION
        return marks

    def _segment(
        self,
        segment: Segment,
        families: Families,
        previous: ClipKeys | None,
        following: Segment | None,
        draft: int | None,
    ) -> ClipKeys:
        encoded, denoised, decoded = (
            self._keys_of(families.get(stage, self.family)) for stage in (ENCODE, DENOISE, DECODE)
        )
        clip = segment.clip
        prompt = encoded.text(clip.prompt)
        uses_negative = self.family.uses_negative_prompt(clip.guidance_scale)
        negative = encoded.text(clip.negative_prompt) if uses_negative else None
        later = tuple(encoded.text(text) for _, text in segment.trajectory.prompts[1:]) if segment.trajectory else ()
        tail = previous.tail if previous is not None and segment.given else None
        before = previous.latents if previous is not None and segment.history else None
        latents = _latents_key(denoised, segment, prompt, negative, later, tail, before)
        preview = None if draft is None else preview_key(latents, draft)
        shown = preview or latents
        frames = decoded.frames(latents=shown.digest, **_piece(segment), **_seam(segment, tail), **_section(segment))
        next_tail = _tail_key(segment, frames, following.given) if following is not None and following.given else None
        return ClipKeys(prompt, negative, latents, frames, exports=(), tail=next_tail, later=later, preview=preview)


def preview_key(latents: Key, steps: int) -> Key:
    """Returns the key of what the model predicts latents to become.

    Args:
        latents: the key of the finished latents.
        steps: how many of their steps are done.
    """
    return Key(PREVIEW, {"version": denoise.PREVIEW_VERSION, "latents": latents.digest, "steps": steps})


def _export_inputs(segments: Sequence[Segment], keys: Sequence[ClipKeys]) -> dict[str, Any]:
    """Returns what a finished file is made of; a clip of one segment keeps the form from before segments existed."""
    if len(segments) == 1 and segments[0].stop == segments[0].clip.num_frames:
        return {"frames": keys[0].frames.digest}
    spans = [[one.frames.digest, segment.start, segment.stop] for segment, one in zip(segments, keys, strict=True)]
    return {"segments": spans}


def _piece(segment: Segment) -> dict[str, Any]:
    trajectory = segment.trajectory
    if trajectory is None:
        return {}
    return {"piece": [trajectory.first_frame, segment.clip.num_frames, trajectory.num_frames]}


def _seam(segment: Segment, tail: Key | None) -> dict[str, Any]:
    if tail is None or not (segment.match_color or segment.blend):
        return {}
    from vgpipe.stages import seams  # imports numpy, and most clips have no seam

    joins = {"match_color": segment.match_color, "blend": segment.blend, "version": seams.VERSION}
    return {"seam": {"tail": tail.digest, **joins}}


def _tail_key(segment: Segment, frames: Key, given: int) -> Key:
    from vgpipe.stages.seams import TAIL_VERSION

    inputs = {"frames": frames.digest, "first": segment.end - given, "stop": segment.end}
    return Key(TAIL, {"version": TAIL_VERSION, **inputs})


def text_key(family: Family, text: str) -> Key:
    """Returns the key of one encoded text."""
    limit = family.settings.max_sequence_length
    return _key(family, ENCODE, _identities(family, family.encode_components), text=text, max_sequence_length=limit)


def _latents_key(
    keys: FamilyKeys,
    segment: Segment,
    prompt: Key,
    negative: Key | None,
    later: Sequence[Key],
    tail: Key | None,
    before: Key | None,
) -> Key:
    clip, trajectory = segment.clip, segment.trajectory
    interval = (float(clip.guidance_start), float(clip.guidance_stop))
    return keys.latents(
        from_image=clip.is_given_frames or tail is not None,
        prompt=prompt.digest,
        negative=negative.digest if negative else None,
        image=clip.image_sha256,
        seed=clip.seed,
        width=clip.width,
        height=clip.height,
        num_frames=trajectory.num_frames if trajectory else clip.num_frames,
        fps=float(clip.fps) if keys.family.uses_fps else None,
        num_inference_steps=clip.num_inference_steps,
        guidance_scale=float(clip.guidance_scale),
        **({"guidance_interval": list(interval)} if interval != WHOLE_SCHEDULE else {}),
        **_given_files(clip),
        **({"given": tail.digest, "conditions": segment.conditions} if tail else {}),
        **({"history": before.digest, **_section(segment)} if before else {}),
        **(_windows(segment, later) if trajectory else {}),
    )


def _given_files(clip: Clip) -> dict[str, Any]:
    """Returns what a clip is given beside its first image, by content; nothing of clips that are given no more."""
    facts: dict[str, Any] = {
        "last_image": clip.last_image_sha256,
        "images": [[one.frame, one.image_sha256] for one in clip.images] or None,
        "video": clip.video_sha256,
        "video_num_frames": clip.video_num_frames,
        "strength": clip.strength,
        "fit": clip.fit if clip.is_given_frames else None,
    }
    if clip.video is not None:
        from vgpipe.stages.given_video import VERSION

        facts |= {"video_version": VERSION, "video_fps": float(clip.fps)}
    return {name: value for name, value in facts.items() if value is not None}


def _windows(segment: Segment, later: Sequence[Key]) -> dict[str, Any]:
    trajectory = segment.trajectory
    if trajectory is None or trajectory.method != WINDOW:
        return {}
    from vgpipe.models.windows import blend  # most clips are denoised at once

    shots = [[first, key.digest] for (first, _), key in zip(trajectory.prompts[1:], later, strict=True)]
    lengths = {"num_frames": segment.clip.num_frames, "overlap_num_frames": trajectory.overlap_num_frames}
    return {"windows": {**lengths, "shots": shots, "version": blend.VERSION}}


def _section(segment: Segment) -> dict[str, Any]:
    """Returns how many frames a section shares with the one before; what these show is in the keys of its latents."""
    return {"history_num_frames": segment.history} if segment.history else {}


def _identities(family: Family, components: tuple[str, ...]) -> dict[str, Any]:
    return {name: family.identity(name) for name in components}


def _key(family: Family, stage: str, model: Mapping[str, Any], **inputs: Any) -> Key:
    return _versioned(stage, family=family.name, model=dict(model), **inputs)


def _versioned(stage: str, **inputs: Any) -> Key:
    return Key(stage, {"version": VERSIONS[stage], **inputs})
