"""The one schema of a run's config: every key, its type, its range and what it means."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vgpipe.config.hardware_schema import HardwareConfig
from vgpipe.config.limits import Fps, FrameCount, Guidance, Seconds, Seed, Side, Steps, record
from vgpipe.config.model_schema import ModelConfig


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
