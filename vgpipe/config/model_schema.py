"""The schema of the group `model`: a checkpoint, how it is loaded and called, and what it can make."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vgpipe.config.clip_settings import with_settings
from vgpipe.config.limits import FrameCount, Side, record
from vgpipe.job.rules import ShapeRules
from vgpipe.job.settings import ContinuationMethod, SetBy, VideoUse

if TYPE_CHECKING:
    from vgpipe.job.settings import ClipSettings as _Typed  # the types of the fields that the decorator adds
else:
    _Typed = object


@record
@with_settings(SetBy.MODEL)
class ReferenceSettings(_Typed):
    """The settings a model's authors recommend, in force where nothing else sets them."""


@record
class RulesConfig(ShapeRules):
    """The sizes and frame counts a model can make, and whether it starts from an image."""

    side_multiple: Annotated[int, Field(ge=1, le=1024)] = 16
    """Width and height are multiples of this many pixels."""
    min_side: Side = 32
    """Smallest width and height, pixels."""
    max_side: Side = 1280
    """Largest width and height, pixels."""
    frames_step: Annotated[int, Field(ge=1, le=1024)] = 4
    """Frame counts are `frames_offset` plus multiples of this."""
    frames_offset: Annotated[int, Field(ge=0, le=1024)] = 1
    """See `frames_step`."""
    max_num_frames: FrameCount = 81
    """Most frames at once."""
    min_num_frames: FrameCount = 1
    """Fewest frames."""
    fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Frames a second, where the model makes no others; null: any."""
    min_num_inference_steps: Annotated[int, Field(ge=1, le=1000)] = 1
    """Fewest denoising steps that a preset (`quality=quick`) gives: what the model was distilled to."""
    max_num_inference_steps: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Most denoising steps that a preset gives: what the model was distilled for."""
    image: Literal["never", "optional", "required", "auto"] = "never"
    """Whether a clip has an image as its first frame; `auto`: as the checkpoint's pipeline says, and whether it makes
    sound too."""
    last_image: Literal["never", "optional", "required"] = "never"
    """Whether a clip has an image as its last frame."""
    images: Literal["never", "optional"] = "never"
    """Whether a clip may have images at other places."""
    video: tuple[VideoUse, ...] = ()
    """What it can make of a given video: `continue` it, `restyle` it."""
    audio: bool = False
    """Whether the model makes sound beside the frames."""
    continuations: tuple[ContinuationMethod, ...] = ()
    """How a clip longer than `max_num_frames` is continued, best first; empty: it is not (docs/long-clips.md)."""
    segment_num_frames: FrameCount | None = None
    """Frames of one segment of a long clip; null: the reference's `num_frames`."""
    min_segment_num_frames: FrameCount | None = None
    """Fewest frames that a segment is made with, surplus ones being cut off; null: half of a segment."""
    overlap_num_frames: FrameCount = 1
    """Frames that condition the next segment, and are blended, where the method is `frames`."""
    image_overlap_num_frames: FrameCount = 1
    """Frames that are blended where the method is `image`; the first of them conditions the next segment."""
    window_overlap_num_frames: FrameCount | None = None
    """Frames that neighbouring windows share; null: half of a window."""
    native_overlap_num_frames: Annotated[int, Field(ge=0, le=1024)] = 0
    """Frames whose latents a section shares with the one before where the method is `native`; 0: the model makes all
    sections of a clip in one pass."""


Dtype = Literal["float32", "bfloat16", "float16"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


OF_CLIPS = frozenset(
    """
    prompt negative_prompt width height num_frames num_inference_steps guidance_scale generator latents image
    video mask prompt_embeds negative_prompt_embeds frame_rate output_type return_dict num_videos_per_prompt
    callback callback_steps callback_on_step_end callback_on_step_end_tensor_inputs
    """.split()  # noqa: SIM905 (a list of them fills a page)
)
"""Arguments of a pipeline's call that a clip's own settings or vgpipe itself give."""


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(values, allow_nan=False)
    except ValueError:
        raise PydanticCustomError("finite", "NaN and infinities are not") from None
    return values


def _own_arguments(values: dict[str, Any]) -> dict[str, Any]:
    taken = sorted(OF_CLIPS & set(values))
    if taken:
        given = f"{', '.join(taken)} is given by the clip or by vgpipe; clip.* sets what a clip has"
        raise PydanticCustomError("of_clips", given)
    return _finite(values)


@record
class OriginConfig:
    """Where a component or an adapter is taken from."""

    id: Name
    """A folder, a repo of the hub (`owner/name`), or a single weight file."""
    revision: str | None = None
    """Branch, tag or commit of a repo; null is its main branch."""
    subfolder: str = ""
    """Folder below that."""
    file: str | None = None
    """The single weight file in it (safetensors or GGUF); null for a component folder."""


@record
class LoraConfig(OriginConfig):
    """A low-rank adapter of the denoiser; a file is one in safetensors."""

    weight: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = 1.0
    """Strength; 1 is full."""
    component: Literal["transformer", "transformer_2", "unet"] | None = None
    """The one denoiser it is for; null: both experts, where there are two."""


@record
class SchedulerConfig:
    """Changes to the checkpoint's scheduler."""

    name: str | None = None
    """Class in diffusers; null keeps the checkpoint's."""
    config: Annotated[dict[str, Any], AfterValidator(_finite)] = field(default_factory=dict)
    """Settings that replace those of the checkpoint's scheduler config (`flow_shift: 3.0`)."""


@record
class ModelConfig:
    """A checkpoint, the family that drives it, and what it can make."""

    name: str
    """The name used in job records; equal to the group option's name."""
    family: str
    """The file of `vgpipe/models/families/` that drives it."""
    id: str
    """`embedded:<name>` for a model inside vgpipe, a folder in diffusers layout, a hub repo (`owner/name`), or a single
    weight file (see `single_file`); empty where the user must give it."""
    revision: str | None = None
    """Branch, tag or commit of a repo; null is its main branch."""
    single_file: str | None = None
    """A weight file whose parts take the place of the components that they are; the rest is taken from `id`.
    `model.id=FILE` sets it, and leaves the option's own `id`."""
    variant: str | None = "auto"
    """Which weight files are taken where there are several (`fp16`); `auto` takes fp16 files for float16 arithmetic."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of weights and arithmetic; `auto` takes the first of `safe_dtypes` that the device supports."""
    safe_dtypes: Annotated[tuple[Dtype, ...], Field(min_length=1)] = ("bfloat16", "float16", "float32")
    """Precisions that the model is known to work in, best first."""
    component_dtypes: dict[str, Dtype] = field(default_factory=dict)
    """Component -> its own precision (`vae: float32`)."""
    components: dict[str, OriginConfig] = field(default_factory=dict)
    """Component -> where it is taken from, where that is not `id`."""
    loras: tuple[LoraConfig, ...] = ()
    """Adapters of the denoiser, in order."""
    scheduler: SchedulerConfig = SchedulerConfig()
    """Changes to the checkpoint's scheduler."""
    pipeline_kwargs: Annotated[dict[str, Any], AfterValidator(_own_arguments)] = field(default_factory=dict)
    """Further arguments of the stock pipeline's call (`guidance_scale_2: 3.0`)."""
    mag_ratios: tuple[Annotated[float, Field(gt=0, le=10)], ...] = ()
    """How the size of what the denoiser adds changes from step to step of a schedule, which `quality.cache=magcache`
    needs: a calibration of the checkpoint (docs/caches.md); empty where none is known."""
    fallback: tuple[Name, ...] = ()
    """Options of this group that ship with vgpipe, tried in order where the model cannot be loaded and
    `run.degrade=any`; the embedded model is tried last."""
    note: str | None = None
    """What its user should know; shown at the start of a run."""
    max_sequence_length: Annotated[int, Field(ge=1, le=4096)] = 512
    """Text tokens, padding included."""
    reference: ReferenceSettings
    """Recommended settings."""
    rules: RulesConfig
    """Sizes and frame counts it can make."""
