"""A made-up profile whose figures are easy to add up; sizes are MiB unless they say otherwise."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.memory.strategies import Role
from vgpipe.planner.forecast_records import PeakRates, Tier
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
from vgpipe.units import MIB

CLIP = ClipSpec(width=512, height=256, num_frames=17, num_inference_steps=10, guidance_scale=5.0, fps=8.0)

CARD = Tier(
    name="card",
    kind="cuda",
    memory_gb=None,
    peak=PeakRates(fp32=10.0, fp16=40.0, bf16=40.0),
    memory_bandwidth_gb_s=400.0,
    pcie_bandwidth_gb_s=16.0,
)
HOST = Tier(name="host", kind="cpu", memory_gb=None, peak=PeakRates(fp32=0.1, bf16=0.1))


def linear(name: str, mib: int, peak: int, *, block: str | None = None, tokens: int = 0, itemsize: int = 2) -> Leaf:
    """A layer without bias, of 1024 output features."""
    return Leaf(
        name=name,
        kind="linear",
        weight_bytes=mib * MIB,
        elements=mib * MIB // itemsize,
        rows=1024,
        itemsize=itemsize,
        peak_bytes=peak * MIB,
        block=block,
        tokens=tokens,
    )


def use(component: str, leaves: tuple[Leaf, ...], *, peak: int, **options) -> ComponentUse:
    values = {
        "calls": 1.0,
        "outside_leaves_bytes": peak * MIB // 2,
        "outside_blocks_bytes": peak * MIB // 2,
        "matmul_flops": 1e12,
        "conv_flops": 0.0,
        "attention_flops": 0.0,
        "output_bytes": MIB,
    }
    weights = sum(leaf.weight_bytes for leaf in leaves)
    return ComponentUse(
        component=component, weight_bytes=weights, peak_bytes=peak * MIB, leaves=leaves, **(values | options)
    )


def encoder() -> ComponentUse:
    return use("text_encoder", (linear("embed", 200, 2), linear("out", 800, 10)), peak=10)


def denoiser() -> ComponentUse:
    """A layer of 100 outside of four blocks, each of two layers of 250 and a norm."""
    leaves = [linear("embedder", 100, 40)]
    for number in range(4):
        block = f"blocks.{number}"
        leaves.append(linear(f"{block}.up", 250, 300, block=block))
        leaves.append(linear(f"{block}.down", 250, 280, block=block))
    blocks = tuple(Block(name=f"blocks.{number}", weight_bytes=500 * MIB, peak_bytes=320 * MIB) for number in range(4))
    return use("transformer", tuple(leaves), peak=320, blocks=blocks, calls=2.0, outside_blocks_bytes=50 * MIB)


def decoder(*, tiling: bool) -> ComponentUse:
    peak = 400 if tiling else 1600
    conv = replace(linear("decoder.conv", 150, peak), kind="conv")
    return use("vae", (conv, linear("decoder.mid", 50, 30)), peak=peak, matmul_flops=0.0, conv_flops=2e12)


def profile(spec: ClipSpec = CLIP, *, tiling: bool = False, kernels: Kernels = "cuda") -> Profile:
    uses = {"encode": encoder(), "denoise": denoiser(), "decode": decoder(tiling=tiling)}
    roles = (Role.ENCODER, Role.DENOISER, Role.DECODER)
    return Profile(
        model="made_up",
        spec=spec,
        kernels=kernels,
        dtype="bfloat16",
        components=tuple(_facts(one, role) for one, role in zip(uses.values(), roles, strict=True)),
        stages=tuple(StageProfile(stage=name, uses=(one,), pipeline_bytes=MIB) for name, one in uses.items()),
        vae_tiling=tiling,
    )


def scaled_profile(spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
    """Activations grow with the clip, but for a tiled decode."""
    made = profile(spec, tiling=tiling)
    share = spec.width * spec.height * spec.num_frames / (CLIP.width * CLIP.height * CLIP.num_frames)
    return replace(made, stages=tuple(_grown(stage, 1.0 if tiling else share) for stage in made.stages))


def _grown(stage: StageProfile, share: float) -> StageProfile:
    return replace(stage, uses=tuple(_grown_use(one, share) for one in stage.uses))


def _grown_use(one: ComponentUse, share: float) -> ComponentUse:
    def grown(size: int) -> int:
        return round(size * share)

    return replace(
        one,
        peak_bytes=grown(one.peak_bytes),
        outside_leaves_bytes=grown(one.outside_leaves_bytes),
        outside_blocks_bytes=grown(one.outside_blocks_bytes),
        leaves=tuple(replace(leaf, peak_bytes=grown(leaf.peak_bytes)) for leaf in one.leaves),
        blocks=tuple(replace(block, peak_bytes=grown(block.peak_bytes)) for block in one.blocks),
    )


def _facts(one: ComponentUse, role: Role) -> ComponentFacts:
    return ComponentFacts(
        name=one.component,
        role=role,
        parameters=one.weight_bytes // 2,
        weight_bytes=one.weight_bytes,
        file_bytes=one.weight_bytes,
        largest_leaf_bytes=max(leaf.weight_bytes for leaf in one.leaves),
    )
