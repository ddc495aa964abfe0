"""Stores profiles on disk, named by everything that can change them; reading one imports no model library."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family
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
from vgpipe.planner.profiling.known_stages import KnownStages
from vgpipe.planner.profiling.profile_key import KEYS, key_of
from vgpipe.planner.profiling.roles import is_denoiser
from vgpipe.store.durable import write_atomically
from vgpipe.units import MIB
from vgpipe.vocabulary import DENOISE

log = logging.getLogger(__name__)

MAX_BYTES = 64 * MIB


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
