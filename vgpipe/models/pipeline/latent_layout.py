"""How the frames of a clip lie in its latents, as the stock pipeline has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from vgpipe.errors import ModelError
from vgpipe.models.pipeline.builder import PipelineBuilder

if TYPE_CHECKING:
    import torch


class LatentLayout(PipelineBuilder):
    """Counts and slices the latent frames of a clip.

    Attributes:
        pipeline: text-to-video class in diffusers; also decodes.
        decoders: components that decode latents.
        frames_axis: of the latents, that of their frames.
    """

    pipeline: ClassVar[str]
    decoders: ClassVar[tuple[str, ...]] = ("vae",)
    frames_axis: ClassVar[int] = 2

    @property
    def decoding_context(self) -> int:
        """Frames before those of a section without which it would be decoded to other bits; by default none."""
        return 0

    def with_context(self, sections: Sequence[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, int]:
        """Puts before the latents of the last of some sections those that its frames depend on.

        Args:
            sections: latents as `denoise` gave them, in order, and how many frames each shares with the one before.

        Returns:
            The latents, and how many frames come before those of the last section.
        """
        import torch

        axis = self.frames_axis
        skipped = [self.latent_frames(shared) if shared else 0 for _, shared in sections]
        own = [one.narrow(axis, skip, one.shape[axis] - skip) for (one, _), skip in zip(sections, skipped, strict=True)]
        joined, length = torch.cat(own, dim=axis), sections[-1][0].shape[axis]
        kept = min(length + self.decoding_context // self.temporal_stride, joined.shape[axis])
        return joined.narrow(axis, joined.shape[axis] - kept, kept), (kept - length) * self.temporal_stride

    @property
    def temporal_patch(self) -> int:
        """Latent frames that the denoiser takes together."""
        return 1

    def slice_latents(
        self, latents: torch.Tensor, first_frame: int, num_frames: int, total_frames: int
    ) -> torch.Tensor:
        """Returns the slice of a long clip's latents that `decode` makes a clip of its own from.

        Args:
            latents: as `denoise` gave them.
            first_frame: of the whole, a multiple of the VAE's temporal stride.
            num_frames: frames of the piece, on the model's step.
            total_frames: frames of the whole.
        """
        import torch

        if (first_frame, num_frames) == (0, total_frames):
            return latents
        # A piece needs as much padding as the stock call drops of it; what that holds is not used.
        start = first_frame // self.temporal_stride + self.padding(total_frames) - self.padding(num_frames)
        kept = torch.arange(start, start + self.latent_frames(num_frames)).clamp(min=0)
        return latents.index_select(self.frames_axis, kept.to(latents.device))

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents that `denoise` gave, laid out as the loop continues from them; by default the same."""
        return latents

    def loop_latents(self, sample: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Returns what a scheduler steps on, laid out as the loop of the stock pipeline has it; by default the same.

        Args:
            sample: of the scheduler, any floating type.
            latents: of the loop; left as they are.

        Raises:
            ModelError: where the loop has another layout, which only a family of its own could know.
        """
        if sample.shape != latents.shape:
            shapes = f"{tuple(sample.shape)} of latents {tuple(latents.shape)}"
            raise ModelError(
                f"{self.pipeline} steps on {shapes}: nothing can be shown before its end -> leave draft out"
            )
        return sample

    @cached_property
    def temporal_stride(self) -> int:
        """Frames of video to a latent frame, as the stock pipeline has it; 1 of a VAE for images."""
        pipeline = self.build(self.pipeline, {}, config_only=self.decoders)
        names = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio")
        return int(next((getattr(pipeline, name) for name in names if hasattr(pipeline, name)), 1))

    def latent_frames(self, num_frames: int) -> int:
        """Returns how many latent frames a clip has, padding included."""
        return (num_frames - 1) // self.temporal_stride + 1 + self.padding(num_frames)

    def padding(self, num_frames: int) -> int:
        """Returns how many latent frames of padding come before a clip's own."""
        return -((num_frames - 1) // self.temporal_stride + 1) % self.temporal_patch
