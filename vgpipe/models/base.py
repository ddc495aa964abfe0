"""What a model family is: the stock diffusers pipeline of one kind of model, driven stage by stage.

Shape suffixes: N frames, T time, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vgpipe.models.caches.choice import StepCache
from vgpipe.models.caches.memory import CacheMemory

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vgpipe.models.checkpoint.checkpoint import Checkpoint
    from vgpipe.models.resumable import ResumableScheduler
    from vgpipe.models.text_reader import TextReader
    from vgpipe.sound.record import Sound
    from vgpipe.store.notes import Notes

Embeds = Mapping[str, "torch.Tensor"]
Components = Mapping[str, Any]
WHOLE_SCHEDULE = (0.0, 1.0)
StepCallback = Callable[[int, "torch.Tensor | None"], None]
LoadComponent = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """A low-rank adapter of the denoiser.

    Attributes:
        path: the safetensors file, absolute.
        weight: its strength; 1 is full.
        sha256: of the file's bytes.
        component: the one denoiser it is for; None is for all.
        marks: what else names its effect in store keys, as plain values.
    """

    path: str
    weight: float
    sha256: str
    component: str | None = None
    marks: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a checkpoint is loaded and called; everything here can change the bits.

    Attributes:
        dtype: precision of weights and arithmetic: `float32`, `bfloat16` or `float16`.
        component_dtypes: component -> its own precision, where it differs.
        variant: which weight files are taken where a component has them (`fp16`); None takes the plain ones.
        quantization: component -> how its weights are stored (`models/weights/quantize.py`); native where left out.
        vae_tiling: whether the VAE works in tiles.
        vae_tile_size: side of a tile, pixels; None is the VAE's own.
        vae_slicing: whether an image VAE works on one frame at a time.
        attention: the denoiser's attention backend: `sdpa`, `flash`, `sage` or `sliced`.
        compile: whether the denoiser's repeated blocks are compiled.
        max_sequence_length: text tokens, padding included.
        scheduler: class in diffusers that replaces the checkpoint's own; None keeps that.
        scheduler_config: settings laid over the checkpoint's scheduler config (`flow_shift`).
        pipeline_kwargs: further arguments of the stock pipeline's call (`guidance_scale_2`).
        loras: applied to the denoiser, in order.
        cache: how the denoiser reuses what it computed at earlier steps; None computes every step.
    """

    dtype: str = "float32"
    component_dtypes: Mapping[str, str] = field(default_factory=dict)
    variant: str | None = None
    quantization: Mapping[str, str] = field(default_factory=dict)
    vae_tiling: bool = False
    vae_tile_size: int | None = None
    vae_slicing: bool = False
    attention: str = "sdpa"
    compile: bool = False
    max_sequence_length: int = 512
    scheduler: str | None = None
    scheduler_config: Mapping[str, Any] = field(default_factory=dict)
    pipeline_kwargs: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[Lora, ...] = ()
    cache: StepCache | None = None

    def dtype_of(self, component: str) -> str:
        """Returns the precision of one component."""
        return self.component_dtypes.get(component, self.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShot:
    """A prompt that takes over in the middle of a clip.

    Attributes:
        first_frame: from which on it holds.
        embeds: what `Family.encode` gave for it.
    """

    first_frame: int
    embeds: Embeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How a clip that is longer than its model can hold is denoised in overlapping windows.

    Attributes:
        num_frames: frames of one window, on the model's own step.
        overlap_frames: frames that neighbours share, at least; a multiple of the VAE's temporal stride.
        shots: later prompts, in order; a window takes the prompt that holds at its middle frame.
    """

    num_frames: int
    overlap_frames: int
    shots: tuple[WindowShot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedFrames:
    """Frames that a clip shows at a given place.

    Attributes:
        first_frame: index of the first of them in the clip, from 0.
        frames_NHWC: uint8 frames, at the clip's width and height.
    """

    first_frame: int
    frames_NHWC: np.ndarray  # noqa: N815 (a shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionHistory:
    """What a section of a long clip continues: the latents of the section before.

    Attributes:
        latents: as `Family.denoise` gave them for the section before.
        num_frames: frames at the end of that section that the next one begins with.
    """

    latents: torch.Tensor
    num_frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiseRequest:
    """One denoising pass, in diffusers' own parameter names.

    Attributes:
        embeds: what `Family.encode` gave for the prompt.
        negative_embeds: the same for the negative prompt; None where the family makes no use of one.
        width: pixels.
        height: pixels.
        num_frames: frames; in windows, those of the whole clip, which may be more than the model can hold.
        fps: frames per second of the finished video.
        num_inference_steps: steps of the whole schedule, those already done included.
        guidance_scale: guidance; what 1 or less means is the family's.
        generator: CPU generator of the clip, fresh from its seed; draws the noise unless `latents` is given.
        latents: where to resume from, in the pipeline's own layout; None starts from noise.
        frames_NHWC: uint8 frames that the clip begins with: an image, the frames of the segment before, or the end of a
            video that it continues; None where it begins from text alone. These and the frames below have the clip's
            width and height, but for the images of recipes that older versions wrote, which have their own.
        on_step_end: called with (steps done in this pass, latents) after each step; latents of None say that nothing
            can continue from there.
        windows: how the clip is denoised in windows; None denoises it at once.
        guidance_interval: where guidance starts and stops, as shares of the steps, 0 to 1.
        cache: what a step cache remembers of earlier passes and of this one.
        last_frame_HWC: uint8 frame that the clip ends with; None where it ends freely.
        placed: frames at further places, in order, none of which is the first or last frame of the clip.
        source_NHWC: uint8 frames of a video to restyle, as many as the clip has; None where none is.
        strength: how much of that video is changed, above 0 to 1; None without one.
        history: what it continues, its first frames; its generator is then as the section before left it.
    """

    embeds: Embeds
    negative_embeds: Embeds | None
    width: int
    height: int
    num_frames: int
    fps: float
    num_inference_steps: int
    guidance_scale: float
    generator: torch.Generator
    latents: torch.Tensor | None
    frames_NHWC: np.ndarray | None  # noqa: N815 (a shape)
    on_step_end: StepCallback
    windows: Windows | None = None
    guidance_interval: tuple[float, float] = WHOLE_SCHEDULE
    cache: CacheMemory = field(default_factory=CacheMemory)
    last_frame_HWC: np.ndarray | None = None  # noqa: N815 (a shape)
    placed: tuple[PlacedFrames, ...] = ()
    source_NHWC: np.ndarray | None = None  # noqa: N815 (a shape)
    strength: float | None = None

    @property
    def is_given_frames(self) -> bool:
        """Whether anything but text is given."""
        given = (self.frames_NHWC, self.last_frame_HWC, self.source_NHWC)
        return bool(self.placed) or any(one is not None for one in given)

    history: SectionHistory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """Latents to decode.

    Attributes:
        latents: as `Family.denoise` gave them.
        width: pixels.
        height: pixels.
        num_frames: frames.
        generator: CPU generator as denoising left it; decoders with a timestep draw noise from it.
        embeds_dtype: torch dtype of the prompt embeddings; some pipelines decode at it.
        first_frame: of a piece of a longer pass, where in that it begins.
        total_frames: frames of that pass; None where the latents are all of a clip.
        context_frames: frames that the latents begin with and that are left out of what is returned, as
            `Family.with_context` says it.
    """

    latents: torch.Tensor
    width: int
    height: int
    num_frames: int
    generator: torch.Generator
    embeds_dtype: torch.dtype
    first_frame: int = 0
    total_frames: int | None = None
    context_frames: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What decoding gives.

    Attributes:
        frames_THWC: uint8.
        sound: what the model made beside them, of the same length as nearly as it makes it; None where it makes none.
    """

    frames_THWC: np.ndarray  # noqa: N815 (a shape)
    sound: Sound | None = None


class Family(Protocol):
    """Drives the stock pipeline of one checkpoint; made once for a run.

    Attributes:
        name: as in `model.family`.
        checkpoint: the model's files.
        settings: how they are loaded and called.
        uses_fps: whether fps changes the latents.
        continuations: how it can continue beyond what the model can hold, best first: `frames`, `image`, `window`,
            `native`. A checkpoint need not be made for all of them.
    """

    name: str
    checkpoint: Checkpoint
    settings: Settings
    uses_fps: bool
    continuations: tuple[str, ...]

    def with_settings(self, settings: Settings) -> Family:
        """Returns a family for the same checkpoint, which both share, with other settings; checks nothing."""
        ...

    @property
    def encode_components(self) -> tuple[str, ...]:
        """What encoding needs."""
        ...

    @property
    def needs_last_image(self) -> bool:
        """Whether the checkpoint makes no clip without a last image."""
        ...

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; `from_image` where it is given any image or video."""
        ...

    @property
    def decode_components(self) -> tuple[str, ...]:
        """What decoding needs."""
        ...

    def check(self) -> None:
        """Checks, without loading anything heavy, that the checkpoint is one that this family drives.

        Raises:
            ModelError: naming what is missing or not understood.
        """
        ...

    def check_cache(self) -> None:
        """Checks, without loading or importing anything heavy, that the chosen step cache works with the model.

        Raises:
            ConfigError: naming those that do.
        """
        ...

    def check_classes(self) -> None:
        """Checks that the installed libraries have the classes of its pipeline and components; imports them.

        Raises:
            ModelError: naming the class and what to upgrade.
        """
        ...

    def unapplied(self, notes: Notes) -> Mapping[str, str]:
        """Returns, of each LoRA that is not applied whole, its file and what is left out; tries those not in `notes`.

        Raises:
            ModelError: where one cannot be applied.
        """
        ...

    def components(self) -> tuple[str, ...]:
        """Returns the components of the checkpoint that some stage loads, sorted."""
        ...

    def identity(self, component: str) -> Mapping[str, Any]:
        """Returns, as plain values, everything about a component that can change bits."""
        ...

    def denoise_identity(self, *, from_image: bool) -> Mapping[str, Any]:
        """Returns, as plain values, everything about denoising that no clip says and that can change bits."""
        ...

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used at this guidance."""
        ...

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing at this guidance; None where it has an effect."""
        ...

    def left_out(self) -> str | None:
        """Returns what the pipeline makes and vgpipe does not keep, in words; None where it keeps everything."""
        ...

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizers are given a text; none where only the pipeline's own code tells."""
        ...

    def load(self, component: str, load_component: LoadComponent) -> Any:
        """Loads one component.

        Args:
            component: something that a stage needs.
            load_component: loads a component of the checkpoint by name.
        """
        ...

    def scheduler(self) -> Any:
        """Returns a fresh diffusers scheduler."""
        ...

    def encode(self, components: Components, text: str) -> Embeds:
        """Encodes one text exactly as the stock pipeline does; CPU tensors with a leading batch of 1."""
        ...

    def denoise(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the stock pipeline to latents in its own layout and dtype, on the CPU.

        Raises:
            ModelError: where the checkpoint is not made for what is asked, or the family makes no clips in windows.
        """
        ...

    def draft_obstacle(self) -> str | None:
        """Returns why nothing can be shown of a clip in the middle of denoising, and what to do; None where it can."""
        ...

    def steps_obstacle(self, num_inference_steps: int) -> str | None:
        """Returns why no clip can have so many denoising steps, and what to do; None where it can."""
        ...

    def image_obstacle(self) -> str | None:
        """Returns why no clip can be given images here, whatever its model takes, and what to do; None where it can."""
        ...

    def interval_obstacle(self) -> str | None:
        """Returns why guidance cannot be limited to a part of the steps, and what to do; None where it can."""
        ...

    def loop_latents(self, sample: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Returns what a scheduler steps on, laid out as the loop of the stock pipeline has it.

        Args:
            sample: of the scheduler, any floating type.
            latents: of the loop, as `on_step_end` was given them; left as they are.

        Returns:
            Of the shape of `latents`, whose parts that no step changes it keeps.
        """
        ...

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents that `denoise` gave, laid out as the loop of the stock pipeline continues from them."""
        ...

    def slice_latents(
        self, latents: torch.Tensor, first_frame: int, num_frames: int, total_frames: int
    ) -> torch.Tensor:
        """Returns the slice of a long clip's latents that `decode` makes a clip of its own from.

        Frame i of that is frame `first_frame + i` of the whole, but for its first: of a later piece that is context.

        Args:
            latents: as `denoise` gave them.
            first_frame: of the whole, a multiple of the VAE's temporal stride.
            num_frames: frames of the piece, on the model's step.
            total_frames: frames of the whole.
        """
        ...

    @property
    def decoding_context(self) -> int:
        """Frames before those of a section without which it would be decoded to other bits than in the whole clip."""
        ...

    def with_context(self, sections: Sequence[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, int]:
        """Puts before the latents of the last of some sections those that its frames depend on.

        Args:
            sections: latents as `denoise` gave them, in order, and how many frames each shares with the one before.

        Returns:
            The latents, and how many frames come before those of the last section.
        """
        ...

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, and to sound where the model makes it."""
        ...
