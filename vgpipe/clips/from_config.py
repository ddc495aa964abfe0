"""Opens the model that the config names: its checkpoint, and what names its artifacts."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from vgpipe.clips.degradation import LORAS, Degradation
from vgpipe.clips.own_rules import own_rules
from vgpipe.clips.requested import exporters_of
from vgpipe.config.model_schema import ModelConfig, OriginConfig
from vgpipe.config.schema import Config, MemoryConfig, QualityConfig
from vgpipe.errors import ConfigError, LoadError
from vgpipe.exporters.sizes import bytes_per_pixel
from vgpipe.models.base import Family, Lora, Settings
from vgpipe.models.caches.choice import StepCache, chosen
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.models.open import Origin, open_checkpoint, open_lora, source_of
from vgpipe.models.pipeline.attention import SDPA
from vgpipe.models.registry import family
from vgpipe.models.weights import file_fit
from vgpipe.models.weights.lora_summary import expert_hints
from vgpipe.models.weights.loras import refuse_foreign
from vgpipe.models.weights.precision import AUTO, FP16_VARIANT, variant_for
from vgpipe.models.weights.quantize import refuse_unknown
from vgpipe.outside_file import expanded, local_path
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.file_hashes import FileHashes
from vgpipe.store.notes import Notes
from vgpipe.vocabulary import NATIVE

log = logging.getLogger(__name__)

HASHES_FILE, NOTES_FILE = "file-hashes.jsonl", "lora-fits.jsonl"
DENOISERS, VAE = ("transformer", "transformer_2", "unet"), "vae"


def key_maker(
    model: ModelConfig,
    memory: MemoryConfig,
    store_dir: str,
    *,
    watermark: str | None = None,
    carries_recipe: bool = False,
    is_other_model: bool = False,
    quality: QualityConfig | None = None,
) -> KeyMaker:
    """Opens the model's checkpoint and returns what names its artifacts; loads no weights.

    Args:
        model: with its precision decided.
        memory: what of it changes bits; those of its options that need a GPU or a package are tried here.
        store_dir: where digests of large files are remembered.
        watermark: drawn over the frames of a placeholder.
        carries_recipe: whether finished files say how they were made.
        is_other_model: whether the options were meant for another model; those it has no use for are left out.
        quality: its step cache; None is for none.

    Raises:
        ModelError: where there is no such checkpoint, or not all of it.
        ConfigError: where its family is unknown, or an option of `memory` or `quality` cannot be had with it.
    """
    hashes = FileHashes(Path(store_dir) / HASHES_FILE)
    checkpoint = opened(model, store_dir, hashes)
    loras = tuple(open_lora(_origin(lora), lora.weight, hashes, lora.component) for lora in model.loras)
    asked = _for_other_model(memory, checkpoint) if is_other_model else memory
    settings = replace(_settings(model, asked, checkpoint, loras), cache=step_cache(quality, model))
    driver = family(model.family, checkpoint, settings)
    if is_other_model:
        driver = _without_unfit_cache(driver)
    driver.check()
    for hint in expert_hints(loras, driver.denoise_components(from_image=False)):
        log.warning(hint)
    refuse_unknown(asked.weights, driver.components())  # native ones too
    return KeyMaker(driver, watermark, carries_recipe, own_rules(model).audio)


def unapplied_adapters(driver: Family, store_dir: str) -> tuple[Degradation, ...]:
    """Returns what of the LoRAs a model has no place for; what is found out is kept in the store's notes.

    Args:
        driver: drives the model.
        store_dir: the store.

    Raises:
        ModelError: where a LoRA cannot be applied.
    """
    if not driver.settings.loras:
        return ()
    left = driver.unapplied(Notes(Path(store_dir) / NOTES_FILE))
    return tuple(Degradation(LORAS, f"all of {Path(path).name}", "a part of it", told) for path, told in left.items())


def refuse_unfit_files(driver: Family, store_dir: str) -> None:
    """Refuses single weight files that do not fit their components; what is found out is kept in the store's notes.

    Args:
        driver: drives the model.
        store_dir: the store.

    Raises:
        LoadError: naming the file and its tensors.
    """
    for component in driver.components():
        file_fit.check(driver.checkpoint, component, Notes(Path(store_dir) / NOTES_FILE))


def opened(model: ModelConfig, store_dir: str, hashes: FileHashes | None = None) -> Checkpoint:
    """Opens a model's checkpoint.

    Args:
        model: its config.
        store_dir: where digests of large files are remembered.
        hashes: remembers them; None makes what does.

    Raises:
        ModelError: where there is none.
    """
    others = {component: _origin(other) for component, other in model.components.items()}
    known = hashes or FileHashes(Path(store_dir) / HASHES_FILE)
    return open_checkpoint(Origin(model.id, model.revision, file=model.single_file), others, known)


def family_to_plan(
    model: ModelConfig, memory: MemoryConfig, quality: QualityConfig, checkpoint: Checkpoint, store_dir: str
) -> Family:
    """Returns what drives a model that is only planned for: adapters that are here, no check that imports a library.

    Args:
        model: with its precision decided.
        memory: what of it changes bits.
        quality: its step cache.
        checkpoint: the model's files, or the manifest of them.
        store_dir: where digests of large files are remembered.

    Raises:
        ConfigError: where its family is unknown, an option of `memory` names what it has not, or its step cache does
            not work with it.
        ModelError: where an adapter cannot be read.
    """
    hashes = FileHashes(Path(store_dir) / HASHES_FILE)
    here = [lora for lora in model.loras if expanded(lora.id).exists()]
    loras = tuple(open_lora(_origin(lora), lora.weight, hashes, lora.component) for lora in here)
    settings = replace(_settings(model, memory, checkpoint, loras), cache=step_cache(quality, model))
    driver = family(model.family, checkpoint, settings)
    driver.check_cache()
    refuse_foreign(driver.settings.loras, _denoiser_class(driver))
    refuse_unknown(memory.weights, driver.components())
    for component in {*driver.components(), "scheduler"} & set(checkpoint.component_names):
        checkpoint.vet(component)
        if checkpoint.source(component).file:
            checkpoint.refuse_layout(component, None)
    return driver


def _denoiser_class(driver: Family) -> str:
    name = driver.denoise_components(from_image=False)[0]
    return str((driver.checkpoint.index.get(name) or [""])[-1])


def _for_other_model(memory: MemoryConfig, checkpoint: Checkpoint) -> MemoryConfig:
    weights = {name: stored for name, stored in memory.weights.items() if name in checkpoint.component_names}
    return replace(memory, weights=weights, attention="auto", compile=False)


def step_cache(quality: QualityConfig | None, model: ModelConfig) -> StepCache | None:
    """Returns the step cache that the config asks for; None for none.

    Args:
        quality: which, and its numbers; None is for none.
        model: its calibration.

    Raises:
        ConfigError: for a number that the cache has no use for.
    """
    if quality is None:
        return None
    return chosen(
        quality.cache,
        threshold=quality.cache_threshold,
        interval=quality.cache_interval,
        mag_ratios=model.mag_ratios,
    )


def _without_unfit_cache(driver: Family) -> Family:
    try:
        driver.check_cache()
    except ConfigError:
        return driver.with_settings(replace(driver.settings, cache=None))
    return driver


def _settings(model: ModelConfig, memory: MemoryConfig, checkpoint: Checkpoint, loras: tuple[Lora, ...]) -> Settings:
    vaes = [name for name in checkpoint.component_names if name.startswith(VAE)]
    typed = dict.fromkeys(vaes, memory.vae_dtype) if memory.vae_dtype else {}
    return Settings(
        dtype=model.dtype,
        component_dtypes={**model.component_dtypes, **typed},
        variant=_variant(model.variant, model.dtype, checkpoint),
        quantization={name: stored for name, stored in memory.weights.items() if stored != NATIVE},
        vae_tiling=bool(memory.vae_tiling),
        vae_tile_size=memory.vae_tile_size,
        vae_slicing=memory.vae_slicing,
        attention=SDPA if memory.attention == AUTO else memory.attention,
        compile=memory.compile,
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


def local_source(config: OriginConfig) -> Source | None:
    """Returns where the single file of a component lies; None where it is not a file of this machine."""
    path = expanded(local_path(config.id))
    is_local = path.is_file() if config.file is None else (path / config.subfolder / config.file).is_file()
    return source_of(_origin(config)) if is_local else None


def _origin(config: OriginConfig) -> Origin:
    return Origin(config.id, config.revision, config.subfolder, config.file)


def file_bytes_per_pixel(config: Config) -> float:
    """Returns about how many bytes all files of a clip take for each pixel of each frame."""
    reference = config.model.reference
    return sum(bytes_per_pixel(one, height=reference.height, fps=reference.fps) for one in exporters_of(config))
