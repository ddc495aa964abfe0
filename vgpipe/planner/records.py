"""What the planner knows and says, as records.

A `Profile` holds what one fake run of each stage showed, free of any device; `estimate/forecast.py` turns it into
figures by arithmetic. Sizes are bytes; every weight tensor is counted as CUDA's allocator rounds it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vgpipe.memory.strategies import Role, Strategy

Kernels = Literal["cuda", "cuda_math", "cpu"]
"""Whose kernels a profile stands for: CUDA with fused attention, CUDA without (old cards), or the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """What kind of clip is planned, in diffusers' parameter names.

    Attributes:
        width: pixels.
        height: pixels.
        num_frames: frames.
        num_inference_steps: denoising steps.
        guidance_scale: guidance; whether there is a second branch depends on it.
        fps: frames a second.
        from_image: whether the clip begins with an image.
    """

    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    guidance_scale: float
    fps: float
    from_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A module with parameters or buffers of its own, during the calls of one component in one stage.

    Attributes:
        name: qualified, in its component.
        kind: what storage precision may do with it.
        weight_bytes: its own parameters and buffers, not those of modules below it, in native precision.
        elements: of its weight matrix, which may be stored in fewer bits; 0 where it has none.
        rows: output features of that matrix.
        itemsize: bytes an element of it in native precision.
        peak_bytes: the most activations alive at once while it runs, the pipeline's own tensors included; 0 where it
            does not run.
        block: the block it lies in, by name; None outside of all.
        tokens: how many vectors a linear layer works on at once, at most; 0 for other layers.
    """

    name: str
    kind: Literal["linear", "conv", "embedding", "other"]
    weight_bytes: int
    elements: int
    rows: int
    itemsize: int
    peak_bytes: int
    block: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One of the repeated blocks of a denoiser: an item of a `ModuleList` directly below the model.

    Attributes:
        name: qualified.
        weight_bytes: all its parameters and buffers in native precision.
        peak_bytes: the most activations alive at once while it runs.
    """

    name: str
    weight_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentUse:
    """One component in one stage, its calls taken together.

    Attributes:
        component: its name in the checkpoint.
        calls: how often it is called, in the whole stage; per denoising step in the stage denoise.
        weight_bytes: all its parameters and buffers, in native precision.
        peak_bytes: the most activations alive at once during any call, inputs and the pipeline's own tensors included.
        outside_leaves_bytes: the same while no leaf runs.
        outside_blocks_bytes: the same while no block runs.
        matmul_flops: of linear layers, of one call; a multiply-add counts as two.
        conv_flops: of convolutions.
        attention_flops: of attention proper.
        output_bytes: what one call returns.
        leaves: in the order of definition; those with equal figures are not merged.
        blocks: in order.
    """

    component: str
    calls: float
    weight_bytes: int
    peak_bytes: int
    outside_leaves_bytes: int
    outside_blocks_bytes: int
    matmul_flops: float
    conv_flops: float
    attention_flops: float
    output_bytes: int
    leaves: tuple[Leaf, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProfile:
    """What one stage does for one clip (encode: for one text).

    Attributes:
        stage: encode, denoise or decode.
        uses: the components that it runs, in order of first use.
        pipeline_bytes: the most that the pipeline's own tensors take while no component runs.
        workspace_bytes: what convolutions on a CPU keep for themselves, beyond the peak of the tensors.
        method: `fake`, or `meta` or `analytic` where a fake run failed.
    """

    stage: str
    uses: tuple[ComponentUse, ...]
    pipeline_bytes: int
    workspace_bytes: int = 0
    method: Literal["fake", "meta", "analytic"] = "fake"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFacts:
    """What does not depend on the clip.

    Attributes:
        name: in the checkpoint.
        role: what it does.
        parameters: how many.
        weight_bytes: parameters and buffers in native precision, each rounded up as an allocation.
        file_bytes: of its weight files.
        largest_leaf_bytes: of its largest leaf's weights.
        kept: patterns of the names of layers that fp8 storage leaves in native precision.
    """

    name: str
    role: Role
    parameters: int
    weight_bytes: int
    file_bytes: int
    largest_leaf_bytes: int
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What fake runs of all stages showed for one model at one size.

    Attributes:
        model: its name.
        spec: the clip.
        kernels: whose kernels it stands for.
        dtype: torch name of the denoiser's precision.
        components: every component that some stage loads.
        stages: encode, denoise, decode.
        vae_tiling: whether the VAE worked in tiles.
    """

    model: str
    spec: ClipSpec
    kernels: Kernels
    dtype: str
    components: tuple[ComponentFacts, ...]
    stages: tuple[StageProfile, ...]
    vae_tiling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakRates:
    """Peak rates of a device, 10^12 operations a second; None where not known."""

    fp32: float | None = None
    fp16: float | None = None
    bf16: float | None = None
    fp8: float | None = None
    int8: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The device that is planned for.

    Attributes:
        name: the hardware option, such as `rtx3060_12gb`.
        kind: cuda, mps, xpu or cpu.
        memory_gb: device memory that may be used, GiB; for a CPU, RAM. None: not known, anything fits.
        ram_gb: RAM of the host that may be used, GiB; None: not known, anything fits.
        disk_gb: free disk, GiB; None: not known.
        peak: peak rates.
        memory_bandwidth_gb_s: 10^9 bytes a second; None: not known.
        pcie_bandwidth_gb_s: host to device, 10^9 bytes a second; None: not known or shared memory.
        fused_attention: whether attention takes no quadratic memory.
    """

    name: str
    kind: str
    memory_gb: float | None
    ram_gb: float | None = None
    disk_gb: float | None = None
    peak: PeakRates = field(default_factory=PeakRates)
    memory_bandwidth_gb_s: float | None = None
    pcie_bandwidth_gb_s: float | None = None
    fused_attention: bool = True

    @property
    def kernels(self) -> Kernels:
        """Whose kernels a profile for it stands for."""
        if self.kind == "cpu":
            return "cpu"
        return "cuda" if self.fused_attention else "cuda_math"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageForecast:
    """What one stage takes.

    Attributes:
        stage: encode, denoise, decode or export.
        allocated_bytes: peak of live device memory.
        reserved_bytes: what the caching allocator then holds, device context included.
        ram_bytes: peak RAM of the process.
        weight_bytes: of the peak, weights.
        activation_bytes: of the peak, everything else.
        own_bytes: all weights of its components as stored, wherever they are.
        flops: operations for one clip.
        transfer_bytes: moved between host and device for one clip.
        seconds: least and most, for one clip; None where no rate is known.
        method: how the memory figure was found.
        strategy: where its components live, where not every stage has the same; None is that of the whole forecast.
    """

    stage: str
    allocated_bytes: int
    reserved_bytes: int
    ram_bytes: int
    weight_bytes: int
    activation_bytes: int
    own_bytes: int
    flops: float
    transfer_bytes: int
    seconds: tuple[float, float] | None
    method: str
    strategy: Strategy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What one way to make a clip takes.

    Attributes:
        model: its name.
        spec: the clip.
        tier: the device's name.
        strategy: where components live; where stages differ, the most frugal of them.
        stream: whether offloaded weights are fetched ahead.
        vae_tiling: whether the VAE works in tiles.
        vae_tile_size: side of a tile in pixels; None is the VAE's own.
        weights: component -> how its weights are stored, all of them.
        stages: in order.
        weight_bytes: all components' weights as stored.
        load_seconds: least and most to load every component once; None where not known.
        download_bytes: weight files that are not on the disk yet.
        disk_bytes: what one clip leaves in the store, and files of offloaded weights.
        refusals: why it does not fit, in words; empty where it fits.
        warnings: what is tight.
    """

    model: str
    spec: ClipSpec
    tier: str
    strategy: Strategy
    stream: bool
    vae_tiling: bool
    vae_tile_size: int | None
    weights: dict[str, str]
    stages: tuple[StageForecast, ...]
    weight_bytes: int
    load_seconds: tuple[float, float] | None
    download_bytes: int
    disk_bytes: int
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def peak_bytes(self) -> int:
        """The most device memory that any stage takes."""
        return max(stage.allocated_bytes for stage in self.stages)
