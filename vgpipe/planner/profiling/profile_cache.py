"""Stores profiles on disk, named by everything that can change them; reading one imports no model library."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family, Settings
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.planner.profile_records import (
    Block,
    ClipSpec,
    ComponentFacts,
    ComponentUse,
    Kernels,
    Leaf,
    Profile,
    StageProfile,
)
from vgpipe.planner.profiling.roles import file_bytes, is_denoiser
from vgpipe.store.digest import digest_of
from vgpipe.store.durable import write_atomically
from vgpipe.units import MIB
from vgpipe.vocabulary import DENOISE

if TYPE_CHECKING:
    from vgpipe.planner.profiling.known_stages import KnownStages

log = logging.getLogger(__name__)

MAX_BYTES = 64 * MIB
SCHEMA = 3  # raise with every change of what a fake run counts
LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft")
RECORDS = (Profile, ComponentFacts, StageProfile, ComponentUse, Leaf, Block)
KEYS = {"spec": "asked"}  # field -> its key in the files, where that is older than the field's name
FUSED = ("sdpa", "flash", "sage")


class ProfileCache:
    """Profiles by key.

    Args:
        folder: the user's cache folder; profiles are below it. Created at the first write.
    """

    def __init__(self, folder: Path):
        self._folder = folder / "profiles"

    def get(self, key: str) -> Profile | None:
        """Returns a profile; None if there is none, or a damaged one."""
        try:
            digest, _, body = read_outside(self._path(key), max_bytes=MAX_BYTES).partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                raise ValueError("its checksum differs")
            return _profile(json.loads(body))
        except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            if isinstance(error, OutsideFileError) and error.refusal is Refusal.MISSING:
                return None
            log.info("%s is damaged and will be written again: %s", self._path(key), error)
            return None

    def put(self, key: str, profile: Profile) -> None:
        """Writes a profile; if the folder cannot be written, logs a warning.

        Args:
            key: of `key_of`.
            profile: the profile.
        """
        body = json.dumps(_plain(profile), separators=(",", ":")).encode()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(key), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        except OSError as error:
            log.warning("the profile cannot be cached for the next plan: %s", error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def cached_profile(
    family: Family,
    spec: ClipSpec,
    kernels: Kernels,
    *,
    model: str,
    cache: ProfileCache,
    known: KnownStages | None = None,
) -> Profile:
    """Returns a profile from the cache; if it is not there, runs the stages, which imports torch.

    Args:
        family: bound to the model.
        spec: the clip.
        kernels: those to assume.
        model: the model's name, for the profile.
        cache: stores profiles.
        known: stages that have run for other profiles.

    Raises:
        ModelError: where the family refuses the clip.
    """
    spec = replace(spec, of_steps=None, is_draft=False)  # nothing of a profile depends on them
    key = key_of(family, spec, kernels)
    found = cache.get(key)
    if found is None:
        from vgpipe.planner.profiling.profile import profile

        found = profile(family, spec, kernels, model=model, known=known)
        cache.put(key, found)
    return _for(found, family, spec, model)


def key_of(family: Family, spec: ClipSpec, kernels: Kernels) -> str:
    """Returns the name of a profile: the digest of everything that can change it; imports no model library.

    Args:
        family: bound to the model.
        spec: the clip; rate, steps and the guidance's value change no figure of a profile.
        kernels: those that it assumes.
    """
    guidance = spec.guidance_scale
    facts = {
        "schema": [SCHEMA, *([KEYS.get(one.name, one.name) for one in fields(record)] for record in RECORDS)],
        "family": [family.name, type(family).__name__],
        "checkpoint": _checkpoint_facts(family),
        "settings": _settings_facts(family.settings),
        "size": [spec.width, spec.height, spec.num_frames, spec.from_image, *spec.further_given],
        "guided": [family.uses_negative_prompt(guidance), guidance > 1],
        "kernels": kernels,
        "versions": {name: _version(name) for name in LIBRARIES},
    }
    return digest_of(facts)


def _checkpoint_facts(family: Family) -> dict[str, Any]:
    components = family.components()
    return {
        "index": dict(family.checkpoint.index),
        "configs": {name: _config(family, name) for name in (*components, "scheduler")},
        "bytes": {name: file_bytes(family, name) for name in components},
    }


def _config(family: Family, component: str) -> dict[str, Any] | None:
    try:
        return family.checkpoint.config(component)
    except ModelError:  # tokenizers have none
        return None


def _settings_facts(settings: Settings) -> dict[str, Any]:
    """Returns the settings that can change a profile; storage precision is arithmetic on one."""
    return {
        "dtype": settings.dtype,
        "component_dtypes": dict(settings.component_dtypes),
        "vae": [settings.vae_tiling, settings.vae_tile_size, settings.vae_slicing],
        "attention": "fused" if settings.attention in FUSED else settings.attention,
        "max_sequence_length": settings.max_sequence_length,
        "scheduler": [settings.scheduler, _jsonable(settings.scheduler_config)],
        "pipeline_kwargs": _jsonable(settings.pipeline_kwargs),
        "loras": [[lora.sha256, lora.component] for lora in settings.loras],
    }


def _jsonable(values: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(values), default=repr))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _for(profile: Profile, family: Family, spec: ClipSpec, model: str) -> Profile:
    """Returns a profile for another clip: what runs once per clip is spread over that clip's steps."""
    ratio = profile.spec.num_inference_steps / spec.num_inference_steps
    stages = tuple(
        replace(stage, uses=tuple(_respread(use, family, ratio) for use in stage.uses))
        if stage.stage == DENOISE and ratio != 1
        else stage
        for stage in profile.stages
    )
    return replace(profile, model=model, spec=spec, stages=stages)


def _respread(use: ComponentUse, family: Family, ratio: float) -> ComponentUse:
    return use if is_denoiser(family, use.component) else replace(use, calls=use.calls * ratio)


# Below: a profile as plain values. Leaves and blocks, of which there are thousands, are lists of their fields.


def _plain(profile: Profile) -> dict[str, Any]:
    plain = asdict(replace(profile, stages=()))
    plain[KEYS["spec"]] = plain.pop("spec")
    plain["stages"] = [_plain_stage(stage) for stage in profile.stages]
    return plain


def _plain_stage(stage: StageProfile) -> dict[str, Any]:
    plain = asdict(replace(stage, uses=()))
    plain["uses"] = [
        asdict(replace(use, leaves=(), blocks=()))
        | {"leaves": [_values(leaf) for leaf in use.leaves], "blocks": [_values(block) for block in use.blocks]}
        for use in stage.uses
    ]
    return plain


def _values(record: Leaf | Block) -> list[Any]:
    return [getattr(record, one.name) for one in fields(record)]


LEAF, BLOCK = (tuple(one.name for one in fields(record)) for record in (Leaf, Block))


def _profile(plain: dict[str, Any]) -> Profile:
    components = tuple(_component(one) for one in plain.pop("components"))
    stages = tuple(_stage(one) for one in plain.pop("stages"))
    spec = ClipSpec(**plain.pop(KEYS["spec"]))
    return Profile(**plain | {"spec": spec, "components": components, "stages": stages})


def _component(plain: dict[str, Any]) -> ComponentFacts:
    lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
    return ComponentFacts(**plain | lists | {"role": Role(plain["role"])})


def _stage(plain: dict[str, Any]) -> StageProfile:
    return StageProfile(**plain | {"uses": tuple(_use(one) for one in plain["uses"])})


def _use(plain: dict[str, Any]) -> ComponentUse:
    leaves = tuple(Leaf(**dict(zip(LEAF, values, strict=True))) for values in plain["leaves"])
    blocks = tuple(Block(**dict(zip(BLOCK, values, strict=True))) for values in plain["blocks"])
    return ComponentUse(**plain | {"leaves": leaves, "blocks": blocks})
