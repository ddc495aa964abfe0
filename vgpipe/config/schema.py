"""The one schema of a run's config: every key, its type, its range and what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeVar, dataclass_transform

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vgpipe.job.rules import ShapeRules

T = TypeVar("T")

Steps = Annotated[int, Field(ge=1, le=1000)]
Guidance = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Side = Annotated[int, Field(ge=1, le=16384)]
FrameCount = Annotated[int, Field(ge=1, le=1_000_000)]
Fps = Annotated[float, Field(ge=0.1, le=240, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen keyword-only dataclass whose unknown keys pydantic refuses."""
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)


@record
class ReferenceSettings:
    """The settings a model's authors recommend; the weakest level of a clip's settings."""

    width: Side
    """Pixels."""
    height: Side
    """Pixels."""
    num_frames: FrameCount
    """Frames of one clip."""
    fps: Fps
    """Frames a second the model was trained at."""
    num_inference_steps: Steps
    """Denoising steps."""
    guidance_scale: Guidance
    """Classifier-free guidance; 1 or less turns it off."""
    negative_prompt: str = ""
    """What guidance steers away from."""
    seed: Seed = 0
    """Seed of the noise where nobody sets one."""


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
    image: Literal["never", "optional", "required"] = "never"
    """Whether a clip has an image as its first frame."""


Dtype = Literal["float32", "bfloat16", "float16"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


@record
class OriginConfig:
    """Where a component or an adapter is taken from."""

    id: Name
    """A folder, or a repo of the hub (`owner/name`)."""
    revision: str | None = None
    """Branch, tag or commit of a repo; null is its main branch."""
    subfolder: str = ""
    """Folder below that."""
    file: str | None = None
    """The single weight file (GGUF) in it; null for a component folder."""


@record
class LoraConfig(OriginConfig):
    """A low-rank adapter of the denoiser; `id` may also be a safetensors file."""

    weight: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = 1.0
    """Strength; 1 is full."""
    component: Literal["transformer", "transformer_2", "unet"] | None = None
    """The one denoiser it is for; null: both experts, where there are two."""


@record
class SchedulerConfig:
    """The scheduler, where it is not the checkpoint's own as it is."""

    name: str | None = None
    """Class in diffusers; null keeps the checkpoint's."""
    config: dict[str, Any] = field(default_factory=dict)
    """Settings laid over the checkpoint's scheduler config (`flow_shift: 3.0`)."""


Method = Literal["int8", "fp8", "bnb_int8", "nf4", "gguf"]


@record
class QuantizationConfig:
    """Storage of weights in fewer bits than their arithmetic has; null: none."""

    transformer: Method | None = None
    """The denoiser, both experts where there are two."""
    text_encoder: Method | None = None
    """The largest text encoder."""


@record
class ModelConfig:
    """A checkpoint, the family that drives it, and what it can make."""

    name: str
    """The name used in job records; equal to the group option's name."""
    family: str
    """Which file of `vgpipe/models/` drives it."""
    id: str
    """`embedded:<name>` for a model inside vgpipe, a folder in diffusers layout, or a hub repo (`owner/name`); empty
    where the user must give it."""
    revision: str | None = None
    """Branch, tag or commit of a repo; null is its main branch."""
    variant: str | None = "auto"
    """Which weight files are taken where there are several (`fp16`); `auto` takes fp16 files for float16 arithmetic."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Precision of weights and arithmetic; `auto` takes the first of `safe_dtypes` that the device does soundly."""
    safe_dtypes: Annotated[tuple[Dtype, ...], Field(min_length=1)] = ("bfloat16", "float16", "float32")
    """Precisions that the model is known to work in, best first."""
    component_dtypes: dict[str, Dtype] = field(default_factory=dict)
    """Component -> its own precision (`vae: float32`)."""
    components: dict[str, OriginConfig] = field(default_factory=dict)
    """Component -> where it is taken from, where that is not `id`."""
    quantization: QuantizationConfig = QuantizationConfig()
    """Weights stored in fewer bits."""
    loras: tuple[LoraConfig, ...] = ()
    """Adapters of the denoiser, in order."""
    scheduler: SchedulerConfig = SchedulerConfig()
    """Changes to the checkpoint's scheduler."""
    pipeline_kwargs: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the stock pipeline's call (`guidance_scale_2: 3.0`)."""
    fallback: tuple[Name, ...] = ()
    """Options of this group that stand in, in order, where the model cannot be loaded and `run.degrade=any`; the
    embedded model stands in last."""
    note: str | None = None
    """What its user should know; told at the start of a run."""
    max_sequence_length: Annotated[int, Field(ge=1, le=4096)] = 512
    """Text tokens, padding included."""
    reference: ReferenceSettings
    """Recommended settings."""
    rules: RulesConfig
    """Sizes and frame counts it can make."""


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d{1,2})?", value):
        allowed = "it is auto, cpu, cuda, mps or xpu, or one card of several, such as cuda:1"
        raise PydanticCustomError("device", allowed)
    return value


GbPerSecond = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Gb = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
TeraFlops = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


@record
class PeakConfig:
    """Peak rates of a card in units of 10^12 operations a second, a multiply-add counting as two.

    All are dense (figures "with sparsity" are twice as high) and, where not said otherwise, accumulate in float32
    (int8: in int32), as torch does. null: the card has no such units, or nobody has published the figure.
    """

    fp32: TeraFlops | None = None
    """float32 outside tensor cores."""
    fp16: TeraFlops | None = None
    """float16."""
    fp16_fp16_accumulate: TeraFlops | None = None
    """float16 accumulated in float16, which torch does only where it is told to."""
    bf16: TeraFlops | None = None
    """bfloat16."""
    fp8: TeraFlops | None = None
    """float8, E4M3 or E5M2."""
    int8: TeraFlops | None = None
    """int8."""


@record
class CapabilitiesConfig:
    """What a card computes soundly; null: detected at run time."""

    bf16: bool | None = None
    """bfloat16 arithmetic in hardware."""
    fp16: bool | None = None
    """float16 arithmetic in hardware."""
    fp16_is_sound: bool | None = None
    """Whether float16 gives no NaN of the card's own making, as it does on GTX 16 cards."""
    fp8: bool | None = None
    """float8 arithmetic in hardware; as a storage format float8 works anywhere."""
    flash_attention: bool | None = None
    """Whether torch's flash attention kernels run."""


@record
class HardwareConfig:
    """Where the model's arithmetic happens, and the figures of the card to plan for.

    A tier (`hardware=rtx3060_12gb`) can be planned for on any machine. A run uses the device that is there; of the
    tier only `memory_limit_gb` then holds. Memory is in GiB (2^30 bytes), rates in 10^9 bytes a second.
    """

    name: str = "custom"
    """The name used in logs and plans; equal to the group option's name."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """`auto` takes the first of cuda, xpu, mps, cpu that this machine has; `cuda:1` is one card of several.
    ROCm cards are called cuda, as torch does."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; null uses all, but fewer to denoise where a rehearsal shows that to be faster with the same bits."""
    memory_limit_gb: Gb | None = None
    """The most memory of the device, in GiB, that may be used, even where it has more; null: no limit but its own.
    A tier sets it to its `memory_gb`, less what the card or the system is known to keep from programs."""
    memory_gb: Gb | None = None
    """The card's memory, GiB; null: detected."""
    memory_bandwidth_gb_s: GbPerSecond | None = None
    """Peak rate between the card's memory and its processors; null: not known."""
    pcie_bandwidth_gb_s: GbPerSecond | None = None
    """Peak rate between host and card, one direction, after line coding; null: detected, or memory is shared."""
    compute_capability: tuple[int, int] | None = None
    """NVIDIA's compute capability, such as [8, 9]; null: detected, or no NVIDIA card."""
    peak_tflops: PeakConfig = PeakConfig()
    """Peak rates; null: not known."""
    capabilities: CapabilitiesConfig = CapabilitiesConfig()
    """What it computes soundly."""
    source: str | None = None
    """Where the figures come from; null where there are none."""


@record
class MemoryConfig:
    """Where components live while a stage runs."""

    strategy: Literal["auto", "resident", "staged"] = "auto"
    """`resident`: all stay loaded; `staged`: one stage's at a time; `auto`: by size and free memory."""


@record
class QualityConfig:
    """How much work goes into a clip."""

    steps_scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Multiplies the model's reference steps, where `num_inference_steps` is null."""
    num_inference_steps: Steps | None = None
    """Denoising steps; null scales the model's reference."""
    guidance_scale: Guidance | None = None
    """Guidance; null is the model's reference."""


@record
class Mp4Config:
    """H.264 in MP4."""

    name: Literal["mp4"] = "mp4"
    crf: Annotated[int, Field(ge=0, le=51)] = 16
    """Constant rate factor: 0 lossless, 51 worst."""
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"] = (
        "medium"
    )
    """x264's trade of time for size."""


@record
class FramesConfig:
    """One PNG a frame."""

    name: Literal["frames"] = "frames"
    compress_level: Annotated[int, Field(ge=0, le=9)] = 6
    """zlib level: 0 none, 9 smallest."""


ExporterConfig = Annotated[Mp4Config | FramesConfig, Field(discriminator="name")]


@record
class ExecutorConfig:
    """How the stages are scheduled."""

    name: Literal["local"] = "local"
    canary: bool = True
    """Whether one cheap clip per (model, shape) goes first, where at least two clips share it."""
    canary_steps: Annotated[int, Field(ge=1, le=50)] = 2
    """Denoising steps of a canary."""
    wave_size: Annotated[int, Field(ge=1)] | None = None
    """Clips a wave; null sizes waves by what loading costs."""
    load_share: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Share of a wave's time that loading may cost, where `wave_size` is null."""
    checkpoint_steps: Annotated[int, Field(ge=1)] = 4
    """Denoising steps between checkpoints, at least."""
    checkpoint_interval_s: Annotated[float, Field(ge=0)] = 5.0
    """Seconds between checkpoints, at least."""


@record
class ClipOverrides:
    """Settings that the command line forces on every clip (`clip.seed=3`)."""

    prompt: Annotated[str, Field(min_length=1)] | None = None
    """Text of the only clip, where there is no job."""
    negative_prompt: str | None = None
    """What guidance steers away from."""
    seed: Seed | None = None
    """Seed of the noise."""
    width: Side | None = None
    """Pixels."""
    height: Side | None = None
    """Pixels."""
    num_frames: FrameCount | None = None
    """Frames; not together with `seconds`."""
    seconds: Seconds | None = None
    """Length, turned into the smallest frame count the model can make that is not shorter."""
    fps: Fps | None = None
    """Frames a second of the finished video."""
    num_inference_steps: Steps | None = None
    """Denoising steps."""
    guidance_scale: Guidance | None = None
    """Classifier-free guidance; 1 or less turns it off."""
    image: Annotated[str, Field(min_length=1)] | None = None
    """Path of an image file, the first frame of every clip; relative to the working directory."""


@record
class StopConfig:
    """When a run stops by itself, resumable, and how far it may go to finish a clip."""

    until: Annotated[str, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d$")] | None = None
    """A time of day, local, `07:00`: the next time the clock shows it."""
    budget: Annotated[str, Field(pattern=r"^\d+(\.\d+)?[smhd]$")] | None = None
    """A duration: `30s`, `90m`, `8h`, `2d`."""
    degrade: Literal["strict", "safe", "any"] = "safe"
    """What may be done where the model cannot be loaded as asked: `strict` nothing; `safe` other weight files or
    another safe precision, never what was asked for; `any` also another model."""


@record
class StoreConfig:
    """Where artifacts of all runs are kept."""

    dir: Annotated[str, Field(min_length=1)] = "outputs/.store"
    """Folder; relative to the working directory."""


@record
class Config:
    """Everything a run is told."""

    GROUPS: ClassVar[tuple[str, ...]] = ("model", "hardware", "memory", "quality", "exporter", "executor")

    job: str | None = None
    """The job file, looked up as given, then under `jobs/`."""
    clip: ClipOverrides
    run: StopConfig
    store: StoreConfig
    model: ModelConfig
    hardware: HardwareConfig
    memory: MemoryConfig
    quality: QualityConfig
    exporter: ExporterConfig
    executor: ExecutorConfig
