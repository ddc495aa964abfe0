"""Records of a profile: what one fake run of each stage shows, independent of any device.

`estimate/forecast.py` turns a profile into figures by arithmetic. Sizes are bytes; every weight tensor counts as CUDA's
allocator rounds it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgpipe.memory.strategies import Role

Kernels = Literal["cuda", "cuda_math", "cpu"]
"""The kernels that a profile assumes: CUDA with fused attention, CUDA without (old cards), or the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """The kind of clip that is planned, in diffusers' parameter names.

    Attributes:
        width: pixels.
        height: pixels.
        num_frames: frames.
        num_inference_steps: denoising steps that are made.
        guidance_scale: guidance; whether there is a second branch depends on it.
        fps: frames per second.
        from_image: whether the clip is given any frames.
        first_frames: how many of them it begins with.
        last_image: whether it ends with one.
        num_images: how many it has at further places.
        restyles: whether they are a video that is restyled.
        of_steps: all steps of the clip, where fewer are made: those of a draft, or those that one leaves to be
            continued; None where all are made.
        is_draft: whether it stops with a preview.
    """

    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    guidance_scale: float
    fps: float
    from_image: bool = False
    first_frames: int = 0
    last_image: bool = False
    num_images: int = 0
    restyles: bool = False
    of_steps: int | None = None
    is_draft: bool = False

    @property
    def further_given(self) -> tuple[object, ...]:
        """What else tells clips apart that are given frames; nothing of those that begin with one image, or text."""
        facts = (self.first_frames, self.last_image, self.num_images, self.restyles)
        return () if facts in ((0, False, 0, False), (1, False, 0, False)) else facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A module with parameters or buffers of its own, during the calls of one component in one stage.

    Attributes:
        name: qualified, in its component.
        kind: decides which stored precisions apply to it.
        weight_bytes: its own parameters and buffers, not those of modules below it, in native precision.
        elements: of its weight matrix, which may be stored in lower precision; 0 where it has none.
        rows: output features of that matrix.
        itemsize: bytes an element of it in native precision.
        peak_bytes: the most activations alive at once while it runs, the pipeline's own tensors included; 0 where it
            does not run.
        block: name of the block it belongs to; None outside of all.
        tokens: the most vectors that a linear layer works on at once; 0 for other layers.
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
    """One component in one stage, over all its calls.

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
        kernels: how many operations one call starts, views left out; 0 where not counted.
        moved_bytes: what operations other than those above read and write in one call, small ones left out; 0 where not
            counted.
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
    kernels: float = 0.0
    moved_bytes: float = 0.0
    leaves: tuple[Leaf, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProfile:
    """The work of one stage for one clip (encode: for one text).

    Attributes:
        stage: encode, denoise or decode.
        uses: the components that it runs, in order of first use.
        pipeline_bytes: the most that the pipeline's own tensors take while no component runs.
        workspace_bytes: what convolutions on a CPU need internally, beyond the peak of the tensors.
        method: `fake`, or `analytic` where a fake run failed.
    """

    stage: str
    uses: tuple[ComponentUse, ...]
    pipeline_bytes: int
    workspace_bytes: int = 0
    method: Literal["fake", "analytic"] = "fake"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFacts:
    """What is known of a component for every clip.

    Attributes:
        name: in the checkpoint.
        role: what it does.
        parameters: how many.
        weight_bytes: parameters and buffers in native precision, each rounded up as an allocation.
        file_bytes: of its weight files.
        largest_leaf_bytes: of its largest leaf's weights.
        kept: name patterns of the layers that fp8 storage leaves in native precision.
        is_indivisible: whether it is placed whole wherever others go leaf by leaf, as attention reads weights directly.
    """

    name: str
    role: Role
    parameters: int
    weight_bytes: int
    file_bytes: int
    largest_leaf_bytes: int
    kept: tuple[str, ...] = ()
    is_indivisible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The measurements of all stages' fake runs, for one model and one kind of clip.

    Attributes:
        model: its name.
        spec: the clip.
        kernels: those that it assumes.
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
