"""SkyReels-V2 with diffusion forcing: text and image to video, long clips in sections that continue latents."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from vgpipe.errors import ModelError
from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.patched_forward import Forward, patched_forward

if TYPE_CHECKING:
    import torch

    from vgpipe.models.resumable import ResumableScheduler

SECTIONS = ("base_num_frames", "overlap_history")
CAUSAL_CONV = 2
"""Earlier frames that a causal convolution of Wan's VAE reads."""
FIRST_FRAMES = 3
"""Latent frames at the beginning of what the VAE decodes whose upsampling in time differs from that of later ones.

With a random VAE of the real one's layers, 37 latent frames of context gave the bits of the whole, and 36 did not.
"""


class SkyReelsV2Family(StockFamily):
    """Drives `diffusers.SkyReelsV2DiffusionForcingPipeline`, and its image-to-video form.

    A section after the first is the second one of a stock call over two, in which the section before stands for the
    first. Decoding is that of Wan: the stock call does the same after its loop.
    """

    name = "skyreels_v2"
    pipeline = "SkyReelsV2DiffusionForcingPipeline"
    image_pipeline = "SkyReelsV2DiffusionForcingImageToVideoPipeline"
    decode_pipeline = "WanPipeline"
    continuations = ("native",)
    uses_fps = True
    has_guidance_interval = True

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and that no setting says what a clip says."""
        super().check()
        for name in SECTIONS:
            if name in self.settings.pipeline_kwargs:
                remedy = "set clip.segment_num_frames, or model.rules.native_overlap_num_frames"
                raise ModelError(f"model.pipeline_kwargs.{name}: a clip's sections say it -> {remedy}")

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    def interval_obstacle(self) -> str | None:
        """Returns why guidance cannot be limited to a part of the steps; None where it can."""
        if self.settings.pipeline_kwargs.get("ar_step"):
            reason = "with model.pipeline_kwargs.ar_step, frames are at different steps at once"
            return f"{reason} -> leave clip.guidance_start and clip.guidance_stop out"
        return super().interval_obstacle()

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Makes the stock call that denoises a clip, or a section of it."""
        from vgpipe.models.pipeline.forcing import ForcingScheduler, NoiseOfGenerator

        self._require_whole_blocks(request)
        forcing = ForcingScheduler(scheduler)

        def on_step_end(steps: int, latents: torch.Tensor | None) -> None:
            if latents is not None:
                forcing.end_step(latents)
            request.on_step_end(steps, latents)

        adds_noise = bool(self.settings.pipeline_kwargs.get("addnoise_condition"))
        with NoiseOfGenerator(request.generator) if adds_noise else nullcontext():
            driven = replace(request, on_step_end=on_step_end)
            latents = super().run(components, cast("ResumableScheduler", forcing), driven)
        if request.history is None:
            return latents
        length = self.latent_frames(request.num_frames)
        return latents.narrow(self.frames_axis, latents.shape[self.frames_axis] - length, length).clone()

    def _require_whole_blocks(self, request: DenoiseRequest) -> None:
        """Refuses a length of which the last frames would stay noise: the stock loop denoises whole blocks alone."""
        block = int(self.settings.pipeline_kwargs.get("causal_block_size") or 1)
        latent_frames = self.latent_frames(request.num_frames)
        if latent_frames % block:
            more = 1 + ((latent_frames // block + 1) * block - 1) * self.temporal_stride - request.num_frames
            what = f"{request.num_frames} frames are no whole blocks of model.pipeline_kwargs.causal_block_size={block}"
            raise ModelError(f"{what} -> ask for {more} frames more")

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call: for one section, or for two of which the first is given."""
        pipeline.scheduler.drive(pipeline, request)
        arguments = {**super().call_arguments(pipeline, request), "fps": request.fps, "prompt": None}
        arguments |= {"latents": None, "base_num_frames": request.num_frames}
        if request.history is not None:
            shared = self.latent_frames(request.history.num_frames)
            both = 2 * self.latent_frames(request.num_frames) - shared
            arguments["num_frames"] = 1 + (both - 1) * self.temporal_stride
            arguments["overlap_history"] = request.history.num_frames
        return arguments

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8; those of the context are dropped one by one."""
        if not request.context_frames:
            return super().decode(components, request)
        whole = replace(request, num_frames=request.context_frames + request.num_frames)
        dropping = _Dropping(request.context_frames // self.temporal_stride)
        with patched_forward([components["vae"].decoder], dropping):
            decoded = super().decode(components, whole)
        return Decoded(decoded.frames_THWC[-request.num_frames :])

    @cached_property
    def decoding_context(self) -> int:
        """Frames that those of a section depend on when they are decoded: what the VAE's convolutions reach back."""
        config = self.checkpoint.config("vae")
        blocks, doubled = len(config["dim_mult"]), list(reversed(config["temperal_downsample"]))
        of_block = 2 * CAUSAL_CONV * (int(config["num_res_blocks"]) + 1)
        reach = CAUSAL_CONV  # the last convolution; from there back to the first
        for block in reversed(range(blocks)):
            if block < len(doubled) and doubled[block]:
                reach = -(-reach // 2) + CAUSAL_CONV
            reach += of_block
        reach += 4 * CAUSAL_CONV + CAUSAL_CONV  # two pairs in the middle, and the first
        return (reach + FIRST_FRAMES) * self.temporal_stride


class _Dropping:
    """Drops the frames of the first latent frames of a video, or of each tile of one, as they are decoded.

    Wan's VAE decodes one latent frame after the other and keeps what the next ones need of it.
    """

    def __init__(self, latent_frames: int):
        self._latent_frames, self._at = latent_frames, 0

    def __call__(self, forward: Forward, arguments: dict[str, Any]) -> Any:
        self._at = 0 if arguments.get("first_chunk") else self._at + 1
        frames = forward(**arguments)
        return frames[:, :, :0].clone() if self._at < self._latent_frames else frames
