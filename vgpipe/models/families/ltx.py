"""LTX-Video up to 0.9.1: text to video, and image to video.

Shape suffixes: B batch, T latent frames, K tokens of a frame, C channels.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar

from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.windows.window_cuts import Along, Count, FirstAlong, WindowCuts

if TYPE_CHECKING:
    import torch

    from vgpipe.models.resumable import ResumableScheduler

# As the pipeline reads them where the scheduler's config has none.
SHIFT = {"base_image_seq_len": 256, "max_image_seq_len": 4096, "base_shift": 0.5, "max_shift": 1.15}


class LtxFamily(StockFamily):
    """Drives `diffusers.LTXPipeline`, and `LTXImageToVideoPipeline` for clips that begin with an image."""

    name = "ltx"
    pipeline = "LTXPipeline"
    image_pipeline = "LTXImageToVideoPipeline"
    uses_fps = True
    continuations: ClassVar[tuple[str, ...]] = ("image", "window")
    # Beside given frames every token has a timestep.
    window_cuts = WindowCuts(
        "hidden_states", 1, {"timestep": Along(1), "num_frames": Count(), "video_coords": FirstAlong(2)}
    )

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text; padding is masked."""
        embeds, mask, *_ = pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.settings.max_sequence_length
        )
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call; positions in time are counted in seconds."""
        return {"frame_rate": request.fps, **super().call_arguments(pipeline, request)}

    def denoise(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the stock pipeline to latents; in windows, with the noise levels of a clip of a window's length."""
        if request.windows is not None:
            vae = self.config_only_component("vae")
            frames = self.latent_frames(min(request.windows.num_frames, request.num_frames))
            sides = (side // vae.spatial_compression_ratio for side in (request.height, request.width))
            shift_for(scheduler, frames * math.prod(sides))
        return super().denoise(components, scheduler, request)

    def slice_latents(
        self, latents: torch.Tensor, first_frame: int, num_frames: int, total_frames: int
    ) -> torch.Tensor:
        """Returns the slice of a long clip's latents, packed or not, that `decode` makes a clip of its own from."""
        is_whole = (first_frame, num_frames) == (0, total_frames)
        if is_whole or latents.ndim != 3:
            return super().slice_latents(latents, first_frame, num_frames, total_frames)
        latents_BTKC = latents.unflatten(1, (self.latent_frames(total_frames), -1))
        piece_BKTC = super().slice_latents(latents_BTKC.transpose(1, 2), first_frame, num_frames, total_frames)
        return piece_BKTC.transpose(1, 2).flatten(1, 2)

    def loop_latents(self, sample: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Returns what a scheduler steps on, packed; beside an image, whose frame no step changes, that is the rest."""
        if sample.ndim == latents.ndim:
            return super().loop_latents(sample, latents)
        import torch

        packed_BSC = sample.flatten(2).transpose(1, 2)  # every LTX transformer has patches of one
        given_BSC = latents[:, : latents.shape[1] - packed_BSC.shape[1]]
        return super().loop_latents(torch.cat([given_BSC, packed_BSC.to(latents.dtype)], dim=1), latents)

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8.

        The VAE of 0.9.1 draws noise from torch's global generator, which is given the clip's seed meanwhile.
        """
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(request.generator.initial_seed())
            return super().decode(components, request)

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        return {**super().blank_embeds(request), "prompt_attention_mask": torch.ones(1, 1, dtype=torch.bool)}

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Asks for two steps, of which none is made: a schedule of one cannot be stretched to its last noise level."""
        return {**arguments, "num_inference_steps": 2}


def shift_for(scheduler: ResumableScheduler, tokens: int) -> None:
    """Has a schedule shifted to the noise levels for so many tokens, however many the clip has.

    The pipeline shifts it the more the more tokens the denoiser sees, and without a limit: far beyond what the model
    was trained with for a clip of many windows, of which it sees one at a time.

    Args:
        scheduler: whose `set_timesteps` is replaced.
        tokens: that the denoiser sees.
    """
    from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift

    original = scheduler.set_timesteps

    @functools.wraps(original)
    def set_timesteps(*args: Any, **kwargs: Any) -> None:
        if "mu" in kwargs:
            kwargs["mu"] = calculate_shift(tokens, *(scheduler.config.get(*one) for one in SHIFT.items()))
        original(*args, **kwargs)

    scheduler.set_timesteps = set_timesteps
