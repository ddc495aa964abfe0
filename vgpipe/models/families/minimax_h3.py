"""MiniMax-H3: video with stereo sound from a text, by the blocks of a modular pipeline.

Shape suffixes: B batch, S video tokens, C video channels, L sound tokens, D sound channels, N numbers of both, K text
tokens.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds, StepCallback
from vgpipe.models.checkpoint.config_limits import refuse_extremes
from vgpipe.models.pipeline.builder import SCHEDULER_FILE
from vgpipe.models.pipeline.joint_latents import JointLayout, joined
from vgpipe.models.pipeline.stock_calls import pipeline_class_of, require_diffusers, to_sound, to_uint8
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import TextReader

if TYPE_CHECKING:
    import torch

    from vgpipe.models.resumable import ResumableScheduler

MIN_DIFFUSERS = "0.42"
LOGGER = "diffusers.modular_pipelines.modular_pipeline"
BLOCKS, WORKFLOW = "MiniMaxH3Blocks", "t2va"
AUDIO_VAE, AUDIO_SCHEDULER, PROCESSOR = "audio_vae", "audio_scheduler", "processor"
ENCODE = ("text_encoder",)
LAYOUT = ("denoise.no_keyframe_anchors", "denoise.prepare_layout")
NOISE = "denoise.prepare_latents"
LOOP = ("denoise.set_timesteps", "denoise.denoise")
DECODE = ("denoise.after_denoise", "decode.audio", "decode.video")
"""The blocks of a stage, as the workflow names them. Sound comes before frames: these leave the device first of all."""


class MiniMaxH3Family(StockFamily):
    """Drives the blocks of `diffusers.MiniMaxH3ModularPipeline` that make video and sound from a text.

    The latents are those of the loop, tokens of video and of sound in one tensor (`JointLayout`).
    """

    name = "minimax_h3"
    pipeline = "MiniMaxH3ModularPipeline"
    decoders: ClassVar[tuple[str, ...]] = ("vae", AUDIO_VAE)
    # The processor is of images; of a text it says alone that it holds none.
    idle: ClassVar[tuple[str, ...]] = (PROCESSOR, AUDIO_SCHEDULER, "transformer_ref")

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and that the installed diffusers can.

        Raises:
            ModelError: naming what is missing or too old.
        """
        self.checkpoint.require({AUDIO_SCHEDULER}, self.checkpoint.component_names)
        super().check()
        require_diffusers(MIN_DIFFUSERS, f"{self.pipeline} is driven")

    def denoise_identity(self, *, from_image: bool) -> Mapping[str, Any]:
        """Returns everything about denoising that no clip says and that can change bits."""
        own = super().denoise_identity(from_image=from_image)
        return {**own, AUDIO_SCHEDULER: self.checkpoint.config(AUDIO_SCHEDULER)}

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used: never."""
        return False

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing."""
        return "the model is distilled to need no guidance, and its pipeline takes no negative prompt"

    def steps_obstacle(self, num_inference_steps: int) -> str | None:
        """Returns why no clip can have so many denoising steps: the last of them is the end itself."""
        if num_inference_steps > 1:
            return None
        return f"{num_inference_steps}, and the last step of this model is where it ends -> clip.num_inference_steps=2"

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: as it is, to its end."""
        return (TextReader(tokenizer="tokenizer", limit=None),)

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Builds the pipeline of all blocks, for what reads its parts."""
        return self.of_blocks(self._blocks, components, config_only=config_only)

    def of_blocks(self, names: Collection[str], components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Builds a pipeline of some of the blocks.

        Args:
            names: of the blocks, in the order in which they run.
            components: loaded components by name.
            config_only: components of which the blocks read config or sizes but run nothing.
        """
        from diffusers.modular_pipelines import SequentialPipelineBlocks

        blocks = self._blocks
        pipeline = SequentialPipelineBlocks.from_blocks_dict({name: blocks[name] for name in names}).init_pipeline()
        for name in config_only:
            setattr(pipeline, name, self.config_only_component(name))
        for name, component in components.items():
            setattr(pipeline, name, component)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @property
    def _blocks(self) -> Mapping[str, Any]:
        """The blocks of the workflow, fresh, by their own names."""
        blocks: Mapping[str, Any] = pipeline_class_of(BLOCKS)().get_workflow(WORKFLOW).sub_blocks
        return blocks

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text; the block reads its embeddings in the middle of the encoder."""
        parts = {
            "tokenizer": pipeline.tokenizer,
            "text_encoder": _CalledWhole(pipeline.text_encoder, pipeline._execution_device),
            PROCESSOR: _OfTexts(),
        }
        with _unlogged():
            embeds_BKC: torch.Tensor = self.of_blocks(ENCODE, parts)(prompt=text, output="prompt_embeds")
        return {"prompt_embeds": embeds_BKC}

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the blocks that denoise; those of the loop cannot be run without a step left."""
        if request.latents is not None and scheduler.done_steps >= request.num_inference_steps - 1:
            return request.latents.cpu()
        loop = _Loop(scheduler, scheduler.beside(self.sound_scheduler()), request.on_step_end)
        parts = {**components, "scheduler": scheduler, AUDIO_SCHEDULER: loop.sound}
        noise = (NOISE,) if request.latents is None else ()
        pipeline = self.of_blocks((*LAYOUT, *noise, *LOOP), parts, config_only=self.decoders)
        device = pipeline._execution_device
        embeds_BKC = request.embeds["prompt_embeds"].to(device)
        given: dict[str, Any] = {**self._rows(request, request.latents, device)}
        with _unlogged():
            pipeline(
                **self._sizes(pipeline, request, tokens=embeds_BKC.shape[1]),
                **(given or {"generator": request.generator}),
                prompt_embeds=embeds_BKC,
                num_inference_steps=request.num_inference_steps,
            )
        return loop.joint_BN.cpu()

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, and to stereo sound."""
        pipeline = self.of_blocks((*LAYOUT, *DECODE), components, config_only=self.denoisers)
        rows = self._rows(request, request.latents, pipeline._execution_device)
        with _unlogged():
            state = pipeline(**self._sizes(pipeline, request, tokens=1), **rows, output_type="np")
        made = to_sound(state.get("audio")[0], state.get("sampling_rate"), self.settings, self.decoders)
        return Decoded(to_uint8(state.get("videos")[0], self.settings, self.decoders), made)

    def sound_scheduler(self) -> Any:
        """Returns a fresh scheduler of the sound."""
        found = self.checkpoint.component_class(AUDIO_SCHEDULER)
        config = self.checkpoint.config(AUDIO_SCHEDULER)
        refuse_extremes(config, f"{self.checkpoint.name}: {AUDIO_SCHEDULER}", SCHEDULER_FILE)
        return found.from_config(config)

    @cached_property
    def layout(self) -> JointLayout:
        """How video and sound lie in the latents."""
        config = self.config_only_component(self.denoisers[0]).config
        return JointLayout(config.in_channels * math.prod(config.patch_size), config.audio_in_channels)

    def sound_tokens(self, request: DenoiseRequest | DecodeRequest) -> int:
        """Returns how many tokens the sound of a clip has."""
        pipeline = self.of_blocks(LAYOUT, {}, config_only=(*self.denoisers, *self.decoders))
        of_one: int = pipeline(**self._sizes(pipeline, request, tokens=1), output="num_audio_latents")
        return of_one * int(pipeline.audio_channels)

    def _rows(
        self, request: DenoiseRequest | DecodeRequest, latents: torch.Tensor | None, device: torch.device
    ) -> dict[str, torch.Tensor]:
        """Returns a request's latents as the loop has them; nothing where there are none."""
        if latents is None:
            return {}
        video_BSC, sound_BLD = self.layout.split(latents, sound_tokens=self.sound_tokens(request))
        # The loop writes into what it is given.
        return {"latents": video_BSC[0].clone().to(device), "audio_latents": sound_BLD[0].clone().to(device)}

    @staticmethod
    def _sizes(pipeline: Any, request: DenoiseRequest | DecodeRequest, *, tokens: int) -> dict[str, Any]:
        import torch

        return {
            "text_token_tags": torch.full((tokens,), pipeline.text_tag, dtype=torch.long),
            "width": request.width,
            "height": request.height,
            "num_frames": request.num_frames,
        }


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps blocks from writing a traceback of what leaves them: an error is reported elsewhere, and a stop is none."""
    log = logging.getLogger(LOGGER)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


class _CalledWhole:
    """A text encoder whose inner model is run by a call of the whole, which what moves its weights can see.

    Args:
        encoder: of transformers.
        device: where it computes; the block is given what it returns on the CPU.
    """

    def __init__(self, encoder: Any, device: torch.device):
        self._encoder, self._device = encoder, device
        self.config, self.dtype = encoder.config, encoder.dtype

    def model(self, **inputs: Any) -> Any:
        """Runs the whole of it; of the logits, which nothing reads, those of the last token alone."""
        import torch

        moved = {name: one.to(self._device) if isinstance(one, torch.Tensor) else one for name, one in inputs.items()}
        return self._encoder(**moved, logits_to_keep=1)


class _OfTexts:
    """Replaces the processor of texts and images, which needs torchvision."""

    def create_mm_token_type_ids(self, ids: list[list[int]]) -> list[list[int]]:
        """Returns that every token is one of text."""
        return [[0] * len(one) for one in ids]


class _Loop:
    """The loop of the blocks, seen from outside as one tensor: the scheduler of the sound steps last.

    Args:
        video: scheduler of the video.
        sound: scheduler of the sound, made beside it.
        on_step_end: called with (steps done in this pass, joint latents) after each step.

    Attributes:
        joint_BN: the joint latents as the last step left them, or as what was called at its end did.
    """

    def __init__(self, video: ResumableScheduler, sound: ResumableScheduler, on_step_end: StepCallback):
        self.video, self.sound, self._on_step_end = video, sound, on_step_end
        sound.after_step = self._after_step
        self.joint_BN: torch.Tensor

    def _after_step(self, steps: int, sound_LD: torch.Tensor) -> None:
        video, predicted = self.video, (self.video.predicted, self.sound.predicted)
        if predicted[0] is not None and predicted[1] is not None:
            video.predicted = joined(predicted[0][None], predicted[1][None])
        if video.last_sample is not None:
            self.joint_BN = joined(video.last_sample[None], sound_LD[None])
            self._on_step_end(steps, self.joint_BN)
