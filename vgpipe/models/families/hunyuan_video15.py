"""HunyuanVideo-1.5: text to video, or image to video where the checkpoint is made for it; guided by a guider."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.base import WHOLE_SCHEDULE, Components, Decoded, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_source import literals_of
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import WindowCuts

if TYPE_CHECKING:
    from collections.abc import Collection

    import torch

    from vgpipe.models.resumable import ResumableScheduler

GUIDER, IMAGE_ENCODER = "guider", "image_encoder"


class HunyuanVideo15Family(StockFamily):
    """Drives `diffusers.HunyuanVideo15Pipeline`, and `HunyuanVideo15ImageToVideoPipeline` for clips from an image.

    Neither has a callback: their scheduler reports each step.
    """

    name = "hunyuan_video_15"
    pipeline = "HunyuanVideo15Pipeline"
    image_pipeline = "HunyuanVideo15ImageToVideoPipeline"
    text_components = ("tokenizer", "text_encoder", "tokenizer_2", "text_encoder_2")
    image_components = ("vae", IMAGE_ENCODER, "feature_extractor")
    decoders = ("vae", GUIDER)
    continuations = ("image", "window")
    has_guidance_interval = True
    window_cuts = WindowCuts("hidden_states", 2)

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; the guider too."""
        needed = super().denoise_components(from_image=from_image and self._is_for_images)
        return (*needed, GUIDER)

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used, as the guider decides it."""
        config = self.checkpoint.config(GUIDER)
        off = 0.0 if config.get("use_original_formulation") else 1.0
        return bool(config.get("enabled", True)) and not math.isclose(guidance_scale, off)

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing at this guidance; None where it has an effect."""
        if not self.checkpoint.config(GUIDER).get("enabled", True):
            return "this checkpoint's guider is turned off"
        return super().negative_prompt_obstacle(guidance_scale)

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizers are given a text: Qwen's as a chat, ByT5's the quoted parts of it."""
        own = literals_of(self.pipeline)
        limit, system = self.settings.max_sequence_length, str(own.get("system_message", ""))
        crop = int(own.get("prompt_template_encode_start_idx", 0))
        return (
            TextReader(tokenizer="tokenizer", limit=limit, system=system, crop=crop),
            TextReader(tokenizer="tokenizer_2", limit=own.get("tokenizer_2_max_length"), form=Form.QUOTED),
        )

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text; quoted parts of it go to the second encoder too.

        Each encoder's own precision is kept, since the pipeline will turn it into the transformer's.
        """
        import torch

        pipeline.tokenizer_max_length = self.settings.max_sequence_length
        embeds, mask, embeds_2, mask_2 = pipeline.encode_prompt(text, dtype=torch.float32)
        return {
            "prompt_embeds": embeds.to(pipeline.text_encoder.dtype),
            "prompt_embeds_mask": mask.bool(),
            "prompt_embeds_2": embeds_2.to(pipeline.text_encoder_2.dtype),
            "prompt_embeds_mask_2": mask_2.bool(),
        }

    @property
    def _is_for_images(self) -> bool:
        return IMAGE_ENCODER in self.checkpoint.component_names

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, once it is sure that the checkpoint is made for them.

        The image pipeline has no argument for the clip's size, and would choose one by the shape of the image: here it
        takes the clip's.
        """
        name, begins = self.checkpoint.name, request.frames_NHWC is not None
        if begins and not self._is_for_images:
            remedy = "leave the image out, or model=hunyuan_video_15_i2v"
            raise ModelError(f"{name} makes videos from text alone -> {remedy}")
        if self._is_for_images and not begins:
            raise ModelError(f"{name} makes videos from an image and the clip has none -> give an image")
        if begins:
            size = request.height, request.width
            pipeline.video_processor.calculate_default_height_width = lambda **_image: size
        return super().call_arguments(pipeline, request)

    def denoise(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the stock pipeline to latents, guided as the clip says."""
        guider = guided(components[GUIDER], request, scheduler)  # which counts the interval's steps itself
        at_every_step = replace(request, guidance_interval=WHOLE_SCHEDULE)
        return super().denoise({**components, GUIDER: guider}, scheduler, at_every_step)

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, unguided."""
        guider = copy.copy(components[GUIDER])
        guider.disable()
        return super().decode({**components, GUIDER: guider}, request)

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        embeds, mask = torch.zeros(1, 1, 1, dtype=request.embeds_dtype), torch.zeros(1, 1)
        return {
            "prompt_embeds": embeds,
            "prompt_embeds_mask": mask,
            "prompt_embeds_2": embeds,
            "prompt_embeds_mask_2": mask,
        }

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Puts the stock pipeline together; it reads the VAE's config even where it only encodes text."""
        return super().build(class_name, components, config_only={*config_only, "vae"} - {GUIDER})


def guided(guider: Any, request: DenoiseRequest, scheduler: ResumableScheduler) -> Any:
    """Returns a guider of another scale and interval; a copy, since `guider.new` warns every time.

    Args:
        guider: the checkpoint's; left as it is.
        request: says how the clip is guided.
        scheduler: of the pass; a guider that acts in a part of the schedule alone must count the steps it hides.
    """
    made = copy.copy(guider)
    made.guidance_scale = request.guidance_scale
    if request.guidance_interval != WHOLE_SCHEDULE:
        made._start, made._stop = request.guidance_interval

    def set_state(step: int, num_inference_steps: int, timestep: Any) -> None:
        guider_class.set_state(made, step + scheduler.done_steps, scheduler.total_steps, timestep)

    guider_class, made.set_state = type(guider), set_state
    return made
