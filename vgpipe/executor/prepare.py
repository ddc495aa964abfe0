"""Opens the config: from a checked `Config` to the clips to make and the model to make them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vgpipe.config.schema import Config, ModelConfig, QualityConfig
from vgpipe.job.clip import Clip
from vgpipe.models.checkpoint import open_checkpoint
from vgpipe.models.registry import family
from vgpipe.stages.keys import KeyMaker


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is to make.

    Attributes:
        clips: in job order.
        notes: what the user should know about how the job was read.
    """

    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()


def request(config: Config) -> Request:
    """Reads the job and resolves every clip's settings.

    Raises:
        JobError: naming everything that is wrong with the job or with `clip.*`.
    """
    from vgpipe.job.expand import expand
    from vgpipe.job.parse import find_job, read_job

    job = read_job(find_job(config.job, Path.cwd()), rules=config.model.rules) if config.job else None
    expansion = expand(
        job,
        overrides=_set_only(asdict(config.clip)),
        preset=quality_settings(config.quality, config.model),
        reference=asdict(config.model.reference),
        rules=config.model.rules,
        model=config.model.name,
    )
    return Request(expansion.clips, expansion.notes)


def quality_settings(quality: QualityConfig, model: ModelConfig) -> dict[str, object]:
    """Returns the clip settings that a quality preset gives for a model; at least one step."""
    scaled = max(1, round(model.reference.num_inference_steps * quality.steps_scale))
    steps = quality.num_inference_steps or scaled
    return _set_only({"num_inference_steps": steps, "guidance_scale": quality.guidance_scale})


def key_maker(model: ModelConfig) -> KeyMaker:
    """Opens the model's checkpoint and returns what names its artifacts; loads no weights.

    Raises:
        ModelError: where there is no such checkpoint, or not all of it.
        ConfigError: where its family is unknown.
    """
    driver, checkpoint = family(model.family), open_checkpoint(model.id)
    needed = (*driver.encode_parts, *driver.denoise_parts, *driver.decode_parts, "scheduler")
    checkpoint.require(needed, ("scheduler", *driver.denoise_config_parts))
    return KeyMaker(driver, checkpoint, model.dtype, model.max_sequence_length)


def _set_only(settings: Mapping[str, Any]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if value is not None}
