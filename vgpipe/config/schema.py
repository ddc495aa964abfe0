"""The one schema of a run's config: every key, its type, its range and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeVar, dataclass_transform

from pydantic import Field

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
    """The sizes and frame counts a model can make."""

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


@record
class ModelConfig:
    """A checkpoint, the family that drives it, and what it can make."""

    name: str
    """The name used in job records; equal to the group option's name."""
    family: str
    """Which file of `vgpipe/models/` drives it."""
    id: Annotated[str, Field(min_length=1)]
    """`embedded:<name>` for a model inside vgpipe, else a folder in diffusers layout."""
    revision: str | None = None
    """Pinned revision, for models that have one."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of weights and arithmetic."""
    max_sequence_length: Annotated[int, Field(ge=1, le=4096)] = 512
    """Text tokens, padding included."""
    reference: ReferenceSettings
    """Recommended settings."""
    rules: RulesConfig
    """Sizes and frame counts it can make."""


@record
class HardwareConfig:
    """Where the model's arithmetic happens."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """`auto` takes the first of cuda, mps, cpu that this machine has."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; null uses all, but fewer to denoise where a rehearsal shows that to be faster with the same bits."""


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


@record
class StopConfig:
    """When a run stops by itself, resumable."""

    until: Annotated[str, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d$")] | None = None
    """A time of day, local, `07:00`: the next time the clock shows it."""
    budget: Annotated[str, Field(pattern=r"^\d+(\.\d+)?[smhd]$")] | None = None
    """A duration: `30s`, `90m`, `8h`, `2d`."""


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
