"""The recipe in a finished file: what renders it again, and what shows which inputs have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from vgpipe import __version__
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.degradation import EXPORTER
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.schema import MemoryConfig
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.models.caches.choice import StepCache
from vgpipe.models.pipeline.attention import SDPA
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key, digest_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, MAGCACHE, STAGES

SCHEMA = 1
LIBRARIES = ("torch", "diffusers", "transformers")
NEWER = {"guidance_start": 0.0, "guidance_stop": 1.0}
"""Settings that recipes had none of at first -> the value at which they are left out: the same key, the same file."""
NEWER_RULES = {
    "min_num_inference_steps": 1, "max_num_inference_steps": 1000,
    "audio": False, "native_overlap_num_frames": 0, "min_num_frames": 1, "fps": None,
}  # fmt: skip
"""Likewise of `model.rules`."""
RULES_OF_GIVEN = ("last_image", "images", "video")
"""Rules that say what a clip may be given: recipes of clips that are given no such thing hold none of them."""


@dataclass(frozen=True, slots=True)
class Recipes:
    """Writes the recipes of a run's clips.

    Attributes:
        model: the model as loaded: precision decided, commits of the hub in place of branches.
        memory: the requested memory settings.
        family: drives the model as requested.
        store: holds the latents.
    """

    model: ModelConfig
    memory: MemoryConfig
    family: Family
    store: Store

    def of(self, state: ClipState, exporter: Mapping[str, object]) -> dict[str, object]:
        """Returns the recipe of one file, as plain values (docs/recipe.md).

        Args:
            state: its clip, whose latents are in the store, or whose preview is.
            exporter: name and settings of the exporter that writes the file.
        """
        keys = {segment.keys.denoised.digest: segment.keys.denoised for segment in state.segments}
        latents = [(key, self.store.find(key)) for key in keys.values()]
        cache = state.segments[0].families.get(DENOISE, self.family).settings.cache
        first = next((artifact for _, artifact in latents if artifact is not None), None)
        return {
            "vgpipe": SCHEMA,
            "clip": clip_facts(state.clip),
            **({} if state.draft is None else {"draft": {"step": state.draft, "of": state.clip.num_inference_steps}}),
            "model": model_facts(_portable_model(self.model, cache), state.clip),
            "memory": without_defaults(self._memory(state), MemoryConfig),
            **({"quality": _quality(cache)} if cache else {}),
            "exporter": dict(exporter),
            "parts": parts_of(self.family, state),
            "latents": [_latents(key, artifact) for key, artifact in latents],
            "versions": versions_of(first),
            "device": first.info.get("device") if first else None,
            "degradations": [asdict(one) for one in state.all_degradations if one.kind != EXPORTER],
        }

    def _memory(self, state: ClipState) -> dict[str, object]:
        """Returns the memory settings that change bits, with the fallbacks that were used."""
        families = [segment.families.get(stage, self.family) for segment in state.segments for stage in STAGES]
        decoders = [segment.families.get(DECODE, self.family).settings for segment in state.segments]
        weights = {name: stored for one in families for name, stored in one.settings.quantization.items()}
        tiled = next((one for one in decoders if one.vae_tiling), decoders[0])
        attention = self.family.settings.attention
        return {
            "weights": weights,
            "vae_tiling": tiled.vae_tiling or None,
            "vae_tile_size": tiled.vae_tile_size,
            "vae_slicing": self.family.settings.vae_slicing,
            "vae_dtype": self.memory.vae_dtype,
            "attention": "auto" if attention == SDPA else attention,
            **({"compile": True} if self.family.settings.compile else {}),
        }


def clip_facts(clip: Clip) -> dict[str, object]:
    """Returns a clip as its line in clips.jsonl holds it, without settings that are unset or in `NEWER`."""
    facts = {name: value for name, value in asdict(clip).items() if value not in (None, (), [])}
    facts["clip"] = facts.pop("id")
    facts.pop("contest", None)  # what it competed with says nothing of how it was made
    _drop(facts, NEWER)
    for name in ("image", "last_image", "video", "audio"):
        if name in facts:
            facts[name] = portable(str(facts[name]))
    if clip.images:
        facts["images"] = [{**asdict(one), "image": portable(one.image)} for one in clip.images]
    return facts


def parts_of(family: Family, state: ClipState) -> dict[str, str]:
    """Returns `stage.component` -> digest of all of it that can change bits, its files included."""
    drivers: dict[tuple[str, str], Family] = {}
    for segment in state.segments:
        from_image = segment.clip.is_given_frames or segment.segment.given > 0
        for stage in (ENCODE, DENOISE, DECODE):
            driver = segment.families.get(stage, family)
            names = {
                ENCODE: driver.encode_components,
                DENOISE: driver.denoise_components(from_image=from_image),
                DECODE: driver.decode_components,
            }[stage]
            drivers.update({(stage, name): driver for name in names})
    return {f"{stage}.{name}": digest_of(driver.identity(name)) for (stage, name), driver in drivers.items()}


def versions_of(artifact: Artifact | None) -> dict[str, str]:
    """Returns package -> the version that an artifact was made with; of vgpipe itself, the current one."""
    known = artifact.versions if artifact else {}
    return {"vgpipe": __version__, **{name: known[name] for name in LIBRARIES if name in known}}


def _latents(key: Key, artifact: Artifact | None) -> dict[str, object]:
    files: Iterable[Mapping[str, Any]] = artifact.files.values() if artifact else ()
    return {"key": key.digest, "sha256": next((one["sha256"] for one in files), None)}


def without_defaults(values: Mapping[str, object], record: type) -> dict[str, object]:
    """Returns the values that differ from the defaults of a dataclass."""
    defaults = {field.name: _default(field) for field in fields(record)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _default(field: Field[object]) -> object:
    value = field.default if field.default_factory is MISSING else field.default_factory()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def portable(path: str) -> str:
    """Returns a path below the home directory as `~/...`, without the user's name."""
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a number that no user has
        return path
    return f"~/{Path(path).relative_to(home).as_posix()}" if Path(path).is_relative_to(home) else path


def _quality(cache: StepCache) -> dict[str, object]:
    """Returns the quality settings that change bits and that no clip says."""
    numbers = {"cache_threshold": cache.threshold, "cache_interval": cache.interval}
    return {"cache": cache.name, **{name: value for name, value in numbers.items() if value is not None}}


def model_facts(model: ModelConfig, clip: Clip) -> dict[str, object]:
    """Returns a model's config without its defaults, and without rules of what the clip is not given."""
    facts = asdict(model)
    _drop(facts["rules"], NEWER_RULES)
    for name in RULES_OF_GIVEN:
        if not getattr(clip, name):
            facts["rules"].pop(name, None)
    return without_defaults(facts, ModelConfig)


def _drop(facts: dict[str, object], defaults: Mapping[str, object]) -> None:
    for name, value in defaults.items():
        if facts[name] == value:
            del facts[name]


def _portable_model(model: ModelConfig, cache: StepCache | None) -> ModelConfig:
    """Returns a model's config without what names its user, and without a calibration that was not used."""
    ratios = model.mag_ratios if cache and cache.name == MAGCACHE else ()
    components = {name: replace(origin, id=portable(origin.id)) for name, origin in model.components.items()}
    loras = tuple(replace(lora, id=portable(lora.id)) for lora in model.loras)
    file = portable(model.single_file) if model.single_file else None
    return replace(
        model, id=portable(model.id), single_file=file, components=components, loras=loras, mag_ratios=ratios
    )
