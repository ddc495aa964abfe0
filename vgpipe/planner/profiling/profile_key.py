"""Names a profile by everything that can change it; imports no model library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import Family, Settings
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
from vgpipe.planner.profiling.roles import file_bytes
from vgpipe.store.digest import digest_of

SCHEMA = 4  # raise with every change of what a fake run counts
LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft")
RECORDS = (Profile, ComponentFacts, StageProfile, ComponentUse, Leaf, Block)
KEYS = {"spec": "asked"}  # field -> its key in the files, where that is older than the field's name
FUSED = ("sdpa", "flash", "sage")


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
