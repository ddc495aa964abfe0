"""A model made up for plans: a large text encoder, a small denoiser, a VAE that is cheaper in tiles."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.memory.strategies import Role
from vgpipe.planner.profile_records import Block, ComponentFacts, ComponentUse, Leaf, Profile, StageProfile

MIB, GIB = 1 << 20, 1 << 30
WEIGHTS = {"text_encoder": 10 * GIB, "transformer": 4 * GIB, "vae": GIB // 2}
ROLES = {"text_encoder": Role.ENCODER, "transformer": Role.DENOISER, "vae": Role.DECODER}
BYTES_A_PIXEL = 1300  # of activations of a whole decode, per pixel and frame
LAYERS = 10


class MadeUpProfiles:
    """Stands in for `cached_profile`; `calls` says what was asked for."""

    def __init__(self):
        self.calls = []

    def __call__(self, family, spec, kernels, *, model, cache, known):
        settings = family.settings
        self.calls.append((spec, settings.vae_tiling, kernels, settings.dtype))
        pixels = spec.width * spec.height * spec.num_frames
        decoding = pixels * BYTES_A_PIXEL // (6 if settings.vae_tiling else 1)
        peaks = {"text_encoder": 64 * MIB, "transformer": pixels * 80, "vae": decoding}
        stages = zip(("encode", "denoise", "decode"), WEIGHTS, strict=True)
        return Profile(
            model=model,
            spec=replace(spec, num_inference_steps=1),  # as a profile from the cache may be of other steps
            kernels=kernels,
            dtype=settings.dtype,
            components=tuple(_facts(name) for name in WEIGHTS),
            stages=tuple(
                StageProfile(stage=stage, uses=(_use(name, peaks[name]),), pipeline_bytes=0) for stage, name in stages
            ),
            vae_tiling=settings.vae_tiling,
        )


def _facts(name):
    size = WEIGHTS[name]
    return ComponentFacts(
        name=name,
        role=ROLES[name],
        parameters=size // 2,
        weight_bytes=size,
        file_bytes=size,
        largest_leaf_bytes=size // LAYERS,
    )


def _use(name, peak):
    size = WEIGHTS[name]
    leaves = tuple(
        Leaf(
            name=f"blocks.{number}.linear",
            kind="linear",
            weight_bytes=size // LAYERS,
            elements=size // LAYERS // 2,
            rows=1024,
            itemsize=2,
            peak_bytes=peak,
            block=f"blocks.{number}" if name == "transformer" else None,
        )
        for number in range(LAYERS)
    )
    blocks = [Block(name=f"blocks.{number}", weight_bytes=size // LAYERS, peak_bytes=peak) for number in range(LAYERS)]
    return ComponentUse(
        component=name,
        calls=1.0,
        weight_bytes=size,
        peak_bytes=peak,
        outside_leaves_bytes=peak,
        outside_blocks_bytes=peak,
        matmul_flops=1e13,
        conv_flops=0.0,
        attention_flops=1e12,
        output_bytes=MIB,
        leaves=leaves,
        blocks=tuple(blocks) if name == "transformer" else (),
    )
