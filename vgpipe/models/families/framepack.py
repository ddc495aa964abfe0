"""FramePack: HunyuanVideo that makes a clip from an image, section by section, with a history of packed latents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Settings
from vgpipe.models.families.hunyuan_video import HunyuanVideoFamily
from vgpipe.models.pipeline.stock_calls import accepted, to_uint8
from vgpipe.models.pipeline.stock_family import StockFamily

if TYPE_CHECKING:
    import torch

    from vgpipe.models.checkpoint.checkpoint import Checkpoint
    from vgpipe.models.resumable import ResumableScheduler

TRANSFORMER, CLASS = "transformer", "HunyuanVideoFramepackTransformer3DModel"
SECTION = 9
"""Latent frames of a section, as both published checkpoints were trained; the call's `latent_window_size`."""
FORWARD = "vanilla"
"""The `sampling_type` that makes sections from the first to the last; the other makes the last one first."""


class FramepackFamily(HunyuanVideoFamily):
    """Drives `diffusers.HunyuanVideoFramepackPipeline` (L. Zhang, M. Agrawala, arXiv:2504.12626).

    All sections are one stock call, since what it makes first depends on how many there are. A section is decoded with
    the one beside it, and blended with the section next to these, as the stock call does after each section.
    """

    name = "framepack"
    pipeline = "HunyuanVideoFramepackPipeline"
    image_pipeline = "HunyuanVideoFramepackPipeline"
    image_components = ("vae", "image_encoder", "feature_extractor")
    takes_last_image = True
    continuations = ("native",)
    window_cuts = None

    def __init__(self, checkpoint: Checkpoint, settings: Settings):
        super().__init__(checkpoint, settings)
        # Its authors publish the transformer alone, and the index of HunyuanVideo's repo names that of HunyuanVideo.
        if checkpoint.index.get(TRANSFORMER):
            checkpoint.index[TRANSFORMER] = ["diffusers", CLASS]

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs, which always begins with an image."""
        return super().denoise_components(from_image=True)

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and that its sections are those of the rules."""
        super().check()
        size = self.settings.pipeline_kwargs.get("latent_window_size", SECTION)
        if size != SECTION:
            what = f"model.pipeline_kwargs.latent_window_size is {size}; the checkpoints are trained with {SECTION}"
            raise ModelError(f"{what} -> leave it out")

    def draft_obstacle(self) -> str | None:
        """Returns why nothing can be shown of a clip in the middle of denoising: most of it is not begun by then."""
        return f"{self.pipeline} makes a clip section by section, each with all steps -> leave draft out"

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Makes the stock call that denoises all sections."""
        from vgpipe.models.pipeline.sections import SectionLoop

        if request.frames_NHWC is None:
            raise ModelError(
                f"{self.checkpoint.name} makes videos from an image and the clip has none -> give an image"
            )
        steps = len(self.settings.pipeline_kwargs.get("sigmas") or range(request.num_inference_steps))
        loop = SectionLoop(scheduler, request, steps=steps, latent_frames=SECTION)
        pipeline = self.build(self.pipeline, {**components, "scheduler": loop.scheduler})
        arguments = {**self.call_arguments(pipeline, request), **loop.drive(pipeline)}
        made: list[torch.Tensor] = pipeline(**accepted(pipeline, arguments), output_type="latent").frames
        return made[-1].cpu()

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, which takes fewer frames for a number of sections than it makes."""
        arguments = StockFamily.call_arguments(self, pipeline, request)
        sections = max(1, -(-(request.num_frames - 1) // self.section_frames))
        if request.last_frame_HWC is not None:
            from PIL import Image

            arguments["last_image"] = Image.fromarray(request.last_frame_HWC)
        return {**arguments, "latents": None, "num_frames": sections * self._overlap}

    @property
    def section_frames(self) -> int:
        """Frames that a section adds to a clip."""
        return SECTION * self.temporal_stride

    @property
    def _overlap(self) -> int:
        """Frames of a section that is decoded on its own, which are blended with those of the section beside it."""
        return (SECTION - 1) * self.temporal_stride + 1

    def slice_latents(
        self, latents: torch.Tensor, first_frame: int, num_frames: int, total_frames: int
    ) -> torch.Tensor:
        """Returns the latents of a section and its neighbours, and the image's where the first section is of them."""
        number = first_frame // self.section_frames
        start = 0 if number <= 1 else 1 + (number - 1) * SECTION
        stop = min(1 + (number + 2) * SECTION, latents.shape[self.frames_axis])
        return latents.narrow(self.frames_axis, start, stop - start)

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, section by section."""
        import numpy as np
        import torch

        pipeline = self.build(self.pipeline, components, config_only=self.denoisers)
        with torch.no_grad():
            videos = list(self._videos(pipeline, request))
        frames_THWC = np.concatenate([pipeline.video_processor.postprocess_video(one, "np")[0] for one in videos])
        return Decoded(to_uint8(frames_THWC[: request.num_frames], self.settings))

    def _videos(self, pipeline: Any, request: DecodeRequest) -> Iterator[torch.Tensor]:
        """Yields what is decoded: a section, whose first frame is the last of the one before, or all of a clip."""
        whole = request.total_frames or request.num_frames
        count = max(1, -(-(whole - 1) // self.section_frames))
        if request.total_frames is None:
            for number in range(count):
                video = self._video(pipeline, request.latents, number, count, first=0)
                yield video if number == 0 else video[:, :, 1:]
            return
        number = request.first_frame // self.section_frames
        yield self._video(pipeline, request.latents, number, count, first=max(0, number - 1))

    def _video(self, pipeline: Any, latents: torch.Tensor, number: int, count: int, first: int) -> torch.Tensor:
        """Returns the frames of one section.

        Args:
            pipeline: has the VAE.
            latents: of sections, from `first` on, with the image's where that is 0.
            number: the section's, from 0.
            count: of sections of the clip.
            first: see `latents`.
        """
        forward = self.settings.pipeline_kwargs.get("sampling_type") == FORWARD
        earlier = number if forward or number == 0 else number - 1
        video = self._decoded(pipeline, latents, earlier, count, first, forward=forward)
        blended = earlier + 1 < count and (forward or number > 0)
        if not blended:
            return video[:, :, -self.section_frames - 1 :] if number else video[:, :, : self.section_frames + 1]
        length = video.shape[2]
        later = self._decoded(pipeline, latents, earlier + 1, count, first, forward=forward)
        joined: torch.Tensor = pipeline._soft_append(video, later, self._overlap)
        return joined[:, :, max(0, length - self.section_frames - 1) : length]

    def _decoded(
        self, pipeline: Any, latents: torch.Tensor, number: int, count: int, first: int, *, forward: bool
    ) -> torch.Tensor:
        """Returns what the stock call decodes once a section is made: it and the one made before it, if any."""
        begin, end = (max(0, number - 1), number + 1) if forward else (number, min(number + 2, count))
        if forward and number == 0:
            end = 1
        has_image = begin == 0 and not (forward and number == 1)
        offset = 1 if first == 0 else 0
        start = 0 if has_image else offset + (begin - first) * SECTION
        stop = offset + (end - first) * SECTION
        vae = pipeline.vae
        chosen = latents.narrow(self.frames_axis, start, stop - start).to(pipeline._execution_device, vae.dtype)
        video: torch.Tensor = vae.decode(chosen / vae.config.scaling_factor, return_dict=False)[0]
        return video
