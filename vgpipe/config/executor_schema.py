"""The schema of the group `executor`: one record for each place where workers run."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from vgpipe.config.limits import record

Auto = Literal["auto"]
MAX_WORKERS = 1024
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _workers(value: Any) -> Any:
    if value != "auto" and not (type(value) is int and 1 <= value <= MAX_WORKERS):
        raise PydanticCustomError("workers", "it is auto, or a number from 1 to 1024")
    return value


@record
class WorkersConfig:
    """The settings that every executor has."""

    workers: Annotated[int | Auto, BeforeValidator(_workers)] = "auto"
    """How many workers make the clips."""
    max_clip_retries: Annotated[int, Field(ge=0, le=100)] = 2
    """How often a clip is handed to another worker after the one that made it was killed; then it fails alone."""
    worker_start_timeout_s: Positive = 600.0
    """Seconds that a worker may take to open the model; then it is started again."""
    canary: bool = True
    """Whether one cheap clip per (model, shape) goes first, where at least two clips share it."""
    canary_steps: Annotated[int, Field(ge=1, le=50)] = 2
    """Denoising steps of a canary."""
    wave_size: Annotated[int, Field(ge=1)] | None = None
    """Clips per wave; null sizes waves by the cost of loading."""
    load_share: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Share of a wave's time that loading may cost, where `wave_size` is null."""
    checkpoint_steps: Annotated[int, Field(ge=1)] = 4
    """Denoising steps between checkpoints, at least."""
    checkpoint_interval_s: Annotated[float, Field(ge=0)] = 5.0
    """Seconds between checkpoints, at least."""


@record
class LocalConfig(WorkersConfig):
    """Workers are processes of this machine: one for each GPU, or sharing the cores of a CPU.

    `workers=auto`: one for each GPU; on a CPU as many as a short trial finds fastest and RAM holds. 1: the clips are
    made in this process.
    """

    name: Literal["local"] = "local"


@record
class RayConfig(WorkersConfig):
    """Workers are actors of a Ray cluster. `workers=auto`: all that fit it."""

    name: Literal["ray"] = "ray"
    address: str | None = None
    """The cluster: `auto` for the one that this machine is part of; null starts Ray here, for this run."""
    num_gpus: Annotated[int, Field(ge=0, le=1)] = 1
    """GPUs of a worker. Where the cluster has none, workers take CPUs."""
    num_cpus: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPUs of a worker; null: 1 beside a GPU, else those of a node are shared by as many workers as its RAM holds."""
    memory_gb: Positive | None = None
    """RAM of a worker, GiB, so that no more are put on a node than it holds; null: what the plan says."""
    resources: dict[str, Positive] = field(default_factory=dict)
    """Further resources that a worker needs, as the nodes were started with (`ray start --resources`)."""
    worker_store_dir: str | None = None
    """The store of nodes that do not see `store.dir`; null: a folder `store` in vgpipe's cache folder of each node."""
    wait_for_workers_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 600.0
    """Seconds to wait for a node where none is left; then the run stops and can be resumed."""
    allow_version_skew: bool = False
    """Whether workers may have other versions of vgpipe, torch, diffusers or transformers than the driver; their clips
    may have other bits."""


AnyExecutor = LocalConfig | RayConfig
ExecutorConfig = Annotated[AnyExecutor, Field(discriminator="name")]
EXECUTORS: tuple[str, ...] = tuple(config.name for config in get_args(AnyExecutor))
