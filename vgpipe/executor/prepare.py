"""Opens the config: from a checked `Config` to the clips to make and the model to make them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vgpipe.config.model_schema import ModelConfig, OriginConfig
from vgpipe.config.schema import Config, QualityConfig
from vgpipe.errors import LoadError
from vgpipe.job.clip import Clip
from vgpipe.models.base import Lora, Settings
from vgpipe.models.checkpoint import Checkpoint
from vgpipe.models.precision import AUTO, FP16_VARIANT, variant_for
from vgpipe.models.registry import family
from vgpipe.models.sources import Origin, open_checkpoint, open_lora
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.file_hashes import FileHashes

HASHES_FILE = "file-hashes.jsonl"
DENOISERS, TEXT_ENCODERS = ("transformer", "transformer_2", "unet"), ("text_encoder",)


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


def key_maker(model: ModelConfig, store_dir: str, *, watermark: str | None = None) -> KeyMaker:
    """Opens the model's checkpoint and returns what names its artifacts; loads no weights.

    Args:
        model: with its precision decided.
        store_dir: where digests of large files are remembered.
        watermark: drawn over the frames of a placeholder.

    Raises:
        ModelError: where there is no such checkpoint, or not all of it.
        ConfigError: where its family is unknown.
    """
    hashes = FileHashes(Path(store_dir) / HASHES_FILE)
    others = {component: _origin(other) for component, other in model.components.items()}
    checkpoint = open_checkpoint(Origin(model.id, model.revision), others, hashes)
    loras = tuple(open_lora(_origin(lora), lora.weight, hashes, lora.component) for lora in model.loras)
    driver = family(model.family, checkpoint, _settings(model, checkpoint, loras))
    driver.check()
    return KeyMaker(driver, watermark)


def _settings(model: ModelConfig, checkpoint: Checkpoint, loras: tuple[Lora, ...]) -> Settings:
    methods = {
        **dict.fromkeys(DENOISERS, model.quantization.transformer),
        **dict.fromkeys(TEXT_ENCODERS, model.quantization.text_encoder),
    }
    return Settings(
        dtype=model.dtype,
        component_dtypes=dict(model.component_dtypes),
        variant=_variant(model.variant, model.dtype, checkpoint),
        quantization={component: method for component, method in methods.items() if method},
        max_sequence_length=model.max_sequence_length,
        scheduler=model.scheduler.name,
        scheduler_config=dict(model.scheduler.config),
        pipeline_kwargs=dict(model.pipeline_kwargs),
        loras=loras,
    )


def _variant(typed: str | None, dtype: str, checkpoint: Checkpoint) -> str | None:
    """Returns the variant to load; components without it are loaded from their plain files."""
    wanted = variant_for(typed, dtype)
    have = {name for name in checkpoint.component_names if wanted and checkpoint.has_variant(name, wanted)}
    if typed not in (None, AUTO) and not have:
        raise LoadError(f"model.variant: {checkpoint.name} has no {wanted} weight files -> model.variant=null")
    if wanted is None and any(checkpoint.is_only_in(name, FP16_VARIANT) for name in checkpoint.component_names):
        return FP16_VARIANT
    return wanted if have else None


def _origin(config: OriginConfig) -> Origin:
    return Origin(config.id, config.revision, config.subfolder, config.file)


def _set_only(settings: Mapping[str, Any]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if value is not None}
