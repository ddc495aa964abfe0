"""Estimates a stage from its components' sizes alone, if they cannot run on fake tensors; always labelled as such.

The factors come from the models that can: a transformer's live activations are 13 to 17 times its token stream
(CogVideoX 13, Wan 16), a decoder's are a few copies of its last and largest features.
"""

from __future__ import annotations

from typing import Any

import torch

from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family
from vgpipe.planner.profile_records import Block, ClipSpec, ComponentUse, Leaf, StageProfile
from vgpipe.planner.profiling.meta_weights import meta_component
from vgpipe.planner.profiling.modules import ModuleParts, parts_of
from vgpipe.planner.profiling.roles import role_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

STREAMS, FEATURES = 17, 4
SPATIAL, TEMPORAL, PATCH = 8, 4, 2  # compression and patch sizes of most video models, if a config names none


def estimated(family: Family, stage: str, spec: ClipSpec) -> tuple[StageProfile, dict[str, ModuleParts]]:
    """Estimates one stage.

    Args:
        family: bound to the model.
        stage: encode, denoise or decode.
        spec: the clip.

    Returns:
        The estimate, and the modules of its components, which are exact.
    """
    uses, found = [], {}
    for name in _names(family, stage, spec):
        with torch.device("meta"), torch.no_grad():
            module = family.load(name, lambda one: meta_component(family.checkpoint, one, family.settings))
        if isinstance(module, torch.nn.Module):
            found[name] = parts_of(module)
            uses.append(_use(name, module, found[name], stage, family, spec))
    pixels = spec.width * spec.height * spec.num_frames
    own = 3 * 4 * pixels if stage == DECODE else 0
    return StageProfile(stage=stage, uses=tuple(uses), pipeline_bytes=own, method="analytic"), found


def _names(family: Family, stage: str, spec: ClipSpec) -> list[str]:
    names = {
        ENCODE: family.encode_components,
        DENOISE: family.denoise_components(from_image=spec.from_image),
        DECODE: family.decode_components,
    }[stage]
    return [name for name in names if not name.startswith("tokenizer")]


def _use(
    name: str, module: torch.nn.Module, parts: ModuleParts, stage: str, family: Family, spec: ClipSpec
) -> ComponentUse:
    role, itemsize = role_of(family, name), getattr(torch, family.settings.dtype_of(name)).itemsize
    matmul = attention = conv = 0.0
    if role is Role.DECODER:
        features = _last_features(module)
        pixels = float(spec.width * spec.height * spec.num_frames)
        peak = FEATURES * features * itemsize * pixels
        conv = 2.0 * parts.parameters * pixels / (SPATIAL * SPATIAL * TEMPORAL)
    else:
        tokens, hidden = _tokens(role, family, spec, module), _hidden(module)
        branches = 2 if role is Role.DENOISER and family.uses_negative_prompt(spec.guidance_scale) else 1
        peak = branches * STREAMS * tokens * hidden * itemsize
        matmul = 2.0 * branches * parts.parameters * tokens
        attention = 4.0 * branches * tokens * tokens * hidden * max(len(parts.blocks), 1)
    calls = 1.0 if stage != DENOISE or role is Role.DENOISER else 1 / spec.num_inference_steps
    return _filled(name, parts, round(peak), calls, (matmul, conv, attention))


def _filled(name: str, parts: ModuleParts, peak: int, calls: float, flops: tuple[float, float, float]) -> ComponentUse:
    leaves = tuple(
        Leaf(
            name=leaf,
            kind=known.kind,
            weight_bytes=known.weight_bytes,
            elements=known.elements,
            rows=known.rows,
            itemsize=known.itemsize,
            peak_bytes=peak,
            block=known.block,
        )
        for leaf, known in parts.leaves.items()
    )
    return ComponentUse(
        component=name,
        calls=calls,
        weight_bytes=parts.weight_bytes,
        peak_bytes=peak,
        outside_leaves_bytes=peak,
        outside_blocks_bytes=peak,
        matmul_flops=flops[0],
        conv_flops=flops[1],
        attention_flops=flops[2],
        output_bytes=0,
        leaves=leaves,
        blocks=tuple(Block(name=one, weight_bytes=size, peak_bytes=peak) for one, size in parts.blocks.items()),
    )


def _tokens(role: Role, family: Family, spec: ClipSpec, module: Any) -> float:
    if role is Role.ENCODER:
        return float(family.settings.max_sequence_length)
    patch = getattr(getattr(module, "config", None), "patch_size", PATCH) or 1
    sides = patch[-2:] if isinstance(patch, list | tuple) else (patch, patch)
    plane = spec.width * spec.height / (SPATIAL * SPATIAL * sides[0] * sides[-1])
    return plane * ((spec.num_frames - 1) // TEMPORAL + 1) + family.settings.max_sequence_length


def _hidden(module: torch.nn.Module) -> int:
    widths = [part.in_features for part in module.modules() if isinstance(part, torch.nn.Linear)]
    return max(set(widths), key=widths.count, default=1)


def _last_features(module: torch.nn.Module) -> int:
    within = getattr(module, "decoder", module)
    widths = [part.in_channels for part in within.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Conv3d)]
    return widths[-1] if widths else 1
