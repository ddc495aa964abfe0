"""The one schema of a run's config: every key, its type, its range and what it means."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from vgpipe.config.checks_schema import ChecksConfig
from vgpipe.config.clip_settings import with_settings
from vgpipe.config.executor_schema import ExecutorConfig
from vgpipe.config.exporter_schema import ExporterConfig
from vgpipe.config.hardware_schema import HardwareConfig
from vgpipe.config.judge_schema import JudgeConfig
from vgpipe.config.limits import record
from vgpipe.config.model_schema import Dtype, ModelConfig
from vgpipe.job.drafts import Draft, is_draft
from vgpipe.job.settings import SetBy
from vgpipe.vocabulary import JOB_ORDER, NO_CACHE, SAFE, CacheName, DegradePolicy, Objective, RunOrder, StoredPrecision

DURATION = r"^\d+(\.\d+)?[smhd]$"


def _names(value: object) -> object:
    """Returns what was typed for several names: one name alone, and null, count as several too."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _jobs(value: object) -> object:
    """Returns one job file, or several; a list of one is that one."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list | tuple) or not value or not all(one and isinstance(one, str) for one in value):
        raise PydanticCustomError("jobs", "it is a job file, or several in [ ]")
    return value[0] if len(value) == 1 else tuple(value)


def _draft(value: object) -> object:
    if value is not None and not is_draft(value):
        raise PydanticCustomError("draft", "it is a number of steps from 1, or a share of them above 0% and below 100%")
    return value


@record
class MemoryConfig:
    """Where components are held while a stage runs, and in what precision."""

    strategy: Literal[
        "auto", "resident", "model_offload", "staged", "block_offload", "leaf_offload", "disk_offload"
    ] = "auto"
    """`auto` takes the fastest that fits according to the plan; the others are fixed, unless `run.degrade` allows a
    fallback."""
    weights: dict[str, StoredPrecision] = field(default_factory=dict)
    """Component -> how its weights are stored; those left out are `native`. Changes the bits."""
    vae_tiling: bool | None = None
    """Whether the VAE decodes in tiles, which changes the bits; null: only where nothing else fits."""
    vae_tile_size: Annotated[int, Field(ge=64, le=2048, multiple_of=32)] | None = None
    """Side of a tile, pixels; null: the VAE's own."""
    vae_slicing: bool = False
    """Whether an image VAE decodes one frame at a time."""
    vae_dtype: Dtype | None = None
    """Precision of the VAE; null: the model's. Changes the bits."""
    attention: Literal["auto", "sdpa", "flash", "sage", "sliced"] = "auto"
    """Attention backend of the denoiser; `auto` and `sdpa` are torch's own. The others change the bits."""
    compile: bool = False
    """Whether the blocks that the denoiser repeats are compiled for CUDA, at the first step. Changes the bits."""
    stream: bool | None = None
    """Whether offloaded weights are fetched ahead on a CUDA stream of their own, which takes pinned RAM and room for
    the next block or leaf; null: where it fits according to the plan."""


@record
@with_settings(SetBy.QUALITY)
class QualityConfig:
    """How much work goes into a clip; a setting that is null leaves the model's reference."""

    steps_scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Multiplies the model's reference steps, where `num_inference_steps` is null."""
    keep: Annotated[float, Field(ge=0.01, le=1)] | None = None
    """Share of what the full run adds that is to be kept: `quality=85%`."""
    chosen: str | None = None
    """What `keep` stands for and how that is known; set by vgpipe."""
    cache: CacheName = NO_CACHE
    """How the denoiser reuses what it computed at earlier steps, which takes less time and changes the bits
    (docs/caches.md); a model that a cache does not work with refuses it."""
    cache_threshold: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    """What may deviate before `seacache`, `magcache` or `firstblock` computes again; more is faster and worse; null:
    the cache's own."""
    cache_interval: Annotated[int, Field(ge=2, le=1000)] | None = None
    """Steps from one that `taylorseer` computes to the next; null: its own."""
    if TYPE_CHECKING:  # the one that is read by its name
        num_inference_steps: int | None = None


@record
@with_settings(SetBy.COMMAND_LINE)
class ClipOverrides:
    """Settings that the command line forces on every clip (`clip.seed=3`)."""

    if TYPE_CHECKING:  # those that are read by their names
        prompt: str | None = None
        image: str | None = None
        last_image: str | None = None
        images: tuple[str, ...] | None = None
        video: str | None = None


@record
class RunConfig:
    """When a run stops, what it may change to finish a clip, and what it writes beside the files."""

    until: Annotated[str, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d$")] | None = None
    """A time of day, local, `07:00`: the next time the clock shows it."""
    budget: Annotated[str, Field(pattern=DURATION)] | None = None
    """A duration: `30s`, `90m`, `8h`, `2d`."""
    degrade: DegradePolicy = SAFE
    """What may be changed where the model cannot be loaded or memory runs out: `strict` nothing; `safe` other weight
    files, another safe precision, VAE tiles and lower weight precision, never a setting that the user gave; `any` also
    another model, fewer frames and fewer pixels."""
    plan: Literal["enforce", "advise", "off"] = "enforce"
    """How the plan is used: `enforce` refuses what cannot fit; `advise` tries it all the same; `off` makes no plan:
    memory=auto is then `staged`, with fallbacks where memory runs out."""
    order: RunOrder = JOB_ORDER
    """Which clips go first: those of the `job`, where several workers take the longest first so that all are done
    soonest; or the cheapest by the plan's forecast, so that finished clips arrive early."""
    name: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What the files of a clip are called, such as `{index:03d}-{slug}-{seed}`; null: by its id (docs/running.md)."""
    follow: bool = False
    """Whether clips that are appended to the job file while the run renders are rendered too, in the same directory."""
    sheet: bool = True
    """Whether each clip also gets a contact sheet and a still, as the report shows them."""
    metadata: bool = True
    """Whether files carry the recipe of the clip: prompt, settings, model, versions (docs/recipe.md)."""
    objective: Annotated[tuple[Objective, ...], BeforeValidator(_names)] = ()
    """What a sweeper that searches (hydra/sweeper=optuna) is given for a run: the mean over the clips that are done;
    null: the number of clips that are not done. Several names for several objectives (docs/sweeps.md)."""
    on_end: Annotated[str, Field(min_length=1)] | None = None
    """A command that is run once the records are written, with facts in its environment; no shell reads it. What a
    finished run has saved of it is never run: a resumed run needs it again (docs/notify.md)."""


@record
class NotifyConfig:
    """When messages are sent. Where they go is secret and stands elsewhere (docs/notify.md)."""

    on: Annotated[tuple[Literal["end", "failure", "stall", "deadline"], ...], BeforeValidator(_names)] = (
        "end",
        "failure",
        "stall",
        "deadline",
    )
    """At the end; at the first failed clip; when nothing happens any more; when not all clips will be done by
    `run.until` or `run.budget`."""
    stall_after: Annotated[str, Field(pattern=DURATION)] = "10m"
    """How long at least nothing happens before a run counts as stalled: `30s`, `10m`, `1h`. Longer where its steps and
    pieces of work take long."""


@record
class StoreConfig:
    """Where artifacts of all runs are kept."""

    dir: Annotated[str, Field(min_length=1)] = "outputs/.store"
    """Folder; relative to the working directory."""
    max_gb: Annotated[float, Field(gt=0)] | None = None
    """What the store may take, GiB, without finished files that runs share: at the end of a run what no kept run needs
    is removed until it fits; null: nothing is removed."""


@record
class Config:
    """The whole configuration of a run."""

    GROUPS: ClassVar[tuple[str, ...]] = ("model", "hardware", "memory", "quality", "checks", "exporter", "executor")

    job: Annotated[str | tuple[str, ...] | None, BeforeValidator(_jobs)] = None
    """The job file, looked up as given, then under `jobs/`; several in a list are one run of one loaded model."""
    job_columns: dict[str, str | None] = field(default_factory=dict)
    """The job file's names of columns or keys -> the fields that they are read as; null leaves one out. Typed
    `job.columns`."""
    pick: tuple[Annotated[str, Field(pattern=r"^p[0-9a-f]{8}$")], ...] = ()
    """The picks of the clips that are rendered, as report.html names them; empty for all. `pick=picks.json` takes them
    from a file that the page saves."""
    draft: Annotated[Draft | None, BeforeValidator(_draft)] = None
    """How far each clip is denoised before its preview is shown and it waits to be picked: a number of steps, or a
    share of its steps (`40%`); null: to the end."""
    drawn_from: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The number that the random seeds of a run are drawn from; null: a new one for each run, which its config.yaml
    holds."""
    clip: ClipOverrides
    run: RunConfig
    store: StoreConfig
    model: ModelConfig
    hardware: HardwareConfig
    memory: MemoryConfig
    quality: QualityConfig
    exporter: ExporterConfig
    executor: ExecutorConfig
    checks: ChecksConfig = field(default_factory=ChecksConfig)
    """By which limits decoded frames are judged; runs made before there were checks have none."""
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    """By what previews of one prompt are ranked."""
    notify: NotifyConfig = field(default_factory=NotifyConfig)
    """When messages are sent of how the run does."""
    defaults_from: str | None = None
    """The file with the user's own defaults that was composed with the rest; set by vgpipe."""
    also: dict[str, ExporterConfig] = field(default_factory=dict)
    """Further files of each clip, by the option's name: all but the first of `exporter=mp4+gif`."""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The job files; empty without one."""
        return (self.job,) if isinstance(self.job, str) else self.job or ()
