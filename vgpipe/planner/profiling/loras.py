"""Adds low-rank adapters to a profile, by the sizes in the headers of their files."""

from __future__ import annotations

import json
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from vgpipe.memory.allocation import rounded_up
from vgpipe.memory.strategies import Role
from vgpipe.models.base import Lora
from vgpipe.models.weights.lora_names import SECOND_EXPERT, TEXT_ENCODER_STARTS
from vgpipe.models.weights.loras import chosen
from vgpipe.planner.profile_records import ComponentFacts, ComponentUse, Leaf, Profile, StageProfile

HALF, FULL = 2, 4
LENGTH_BYTES = 8
MATRIX = 2  # least dimensions; alphas and similar values have fewer


def with_adapters(profile: Profile, loras: tuple[Lora, ...]) -> Profile:
    """Returns a profile with adapters in its denoisers; their small activations are ignored.

    Args:
        profile: without adapters.
        loras: all that are applied.

    Raises:
        OSError: where a file cannot be read.
    """
    if not loras:
        return profile
    itemsize = FULL if profile.dtype == "float32" else HALF
    denoisers = [one.name for one in profile.components if one.role is Role.DENOISER]
    added = {name: _matrices(name, chosen(loras, name), itemsize) for name in denoisers}
    return replace(
        profile,
        components=tuple(_heavier(one, added.get(one.name, (0, 0))) for one in profile.components),
        stages=tuple(_with(stage, added) for stage in profile.stages),
    )


def _heavier(component: ComponentFacts, added: tuple[int, int]) -> ComponentFacts:
    elements, size = added
    return replace(component, parameters=component.parameters + elements, weight_bytes=component.weight_bytes + size)


def _with(stage: StageProfile, added: dict[str, tuple[int, int]]) -> StageProfile:
    return replace(stage, uses=tuple(_adapted(use, added.get(use.component, (0, 0))[1]) for use in stage.uses))


def _adapted(use: ComponentUse, size: int) -> ComponentUse:
    if not size:
        return use
    leaf = Leaf(name="adapters", kind="other", weight_bytes=size, elements=0, rows=0, itemsize=0, peak_bytes=0)
    return replace(use, weight_bytes=use.weight_bytes + size, leaves=(*use.leaves, leaf))


def _matrices(part: str, loras: tuple[Lora, ...], itemsize: int) -> tuple[int, int]:
    """Returns elements and bytes of the adapters' matrices for one denoiser."""
    shapes = [shape for lora in loras for shape in _shapes(Path(lora.path), part)]
    return sum(map(prod, shapes)), sum(rounded_up(prod(shape) * itemsize) for shape in shapes)


def _shapes(file: Path, part: str) -> list[list[int]]:
    with file.open("rb") as opened:
        header: dict[str, Any] = json.loads(opened.read(int.from_bytes(opened.read(LENGTH_BYTES), "little")))
    tensors = {name: one["shape"] for name, one in header.items() if name != "__metadata__"}
    own = {name: shape for name, shape in tensors.items() if not name.startswith(TEXT_ENCODER_STARTS)}
    if any(name.startswith(f"{SECOND_EXPERT}.") for name in own):
        own = {name: shape for name, shape in own.items() if name.startswith(f"{part}.")}
    return [shape for shape in own.values() if len(shape) >= MATRIX]
