"""LTX-2 in two stages: at half the size, then upsampled and refined at the full one, by the distilled checkpoint.

The stages are one clip: its steps are those of both, and it resumes in either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from vgpipe.models.base import Components, DenoiseRequest, StepCallback
from vgpipe.models.families.ltx2 import AUDIO_VAE, CONDITIONS, Ltx2Family
from vgpipe.models.pipeline.joint_latents import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from vgpipe.models.resumable import ResumableScheduler

UPSAMPLER, UPSAMPLE_PIPELINE = "latent_upsampler", "LTX2LatentUpsamplePipeline"
SECOND_SIGMAS = (0.909375, 0.725, 0.421875)
"""The noise levels of the second stage: `STAGE_2_DISTILLED_SIGMA_VALUES` of the authors' ltx-pipelines."""
SCALE = 2


class Ltx2TwoStageFamily(Ltx2Family):
    """Drives `diffusers.LTX2Pipeline`, `LTX2LatentUpsamplePipeline`, and the first again on what that gave.

    Given frames condition both stages, as in the authors' ltx-pipelines, by `LTX2ConditionPipeline`. A preview of the
    first stage is upsampled, so that it has the clip's size. Needs `model.pipeline_kwargs.sigmas`, those of the first.
    """

    name = "ltx2_two_stage"
    idle: ClassVar[tuple[str, ...]] = tuple(name for name in Ltx2Family.idle if name != UPSAMPLER)

    def pipeline_for(self, request: DenoiseRequest) -> str:
        """Returns the name of the class that makes a clip: with a single image, too, the one that takes conditions."""
        return CONDITIONS if super().pipeline_for(request) != self.pipeline else self.pipeline

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; the VAEs too, whose statistics latents are scaled by between the stages."""
        own = super().denoise_components(from_image=True)
        return (*own, AUDIO_VAE, UPSAMPLER)

    def denoise_identity(self, *, from_image: bool) -> Mapping[str, Any]:
        """Returns, as plain values, everything about denoising that no clip says and that can change bits."""
        return {**super().denoise_identity(from_image=from_image), "second_sigmas": list(SECOND_SIGMAS)}

    def steps_obstacle(self, num_inference_steps: int) -> str | None:
        """Returns why no clip can have so many denoising steps: the noise levels of both stages are listed."""
        steps = self.first_steps + len(SECOND_SIGMAS)
        if self.first_steps and steps == num_inference_steps:
            return None
        return (
            f"{num_inference_steps}, but the first stage has {self.first_steps} steps (model.pipeline_kwargs.sigmas), "
            f"and the second {len(SECOND_SIGMAS)} -> clip.num_inference_steps={steps}, or a list of your own"
        )

    @property
    def first_steps(self) -> int:
        """Steps of the first stage."""
        return len(self.settings.pipeline_kwargs.get("sigmas") or ())

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Makes the stock calls of both stages, or of what remains of them; the latents are those of the second."""
        second = scheduler.part(self.first_steps, len(SECOND_SIGMAS))
        if scheduler.done_steps > self.first_steps or self._is_finished(request):
            # Of finished latents, a single step may be asked for by its place in the second schedule alone.
            own = second if scheduler.done_steps > self.first_steps else scheduler
            return self._second(components, own, _reporting(request, scheduler, own, 0))
        first = scheduler.part(0, self.first_steps)
        half = replace(request, width=request.width // SCALE, height=request.height // SCALE)
        output, joint = self.one_pass(components, first, _reporting(half, scheduler, first, 0))
        scheduler.first_sample, scheduler.last_sample = first.first_sample, first.last_sample
        upsampled = self._upsampled(components, output.frames)
        if scheduler.predicted is not None:
            return self._shown(components, upsampled, joint, request)
        scheduler.begin()  # where a checkpoint left no step of the first stage, the generator stands where it ended
        given = {"latents": upsampled, "audio_latents": output.audio}
        request = replace(request, latents=None)
        return self._second(components, second, _reporting(request, scheduler, second, first.steps), **given)

    def _is_finished(self, request: DenoiseRequest) -> bool:
        """Returns whether a request begins with latents as `run` gives them."""
        video = self.video_tokens(request) * self.layout.video_channels
        numbers = video + self.sound_tokens(request) * self.layout.sound_channels
        return request.latents is not None and request.latents.shape[1] == numbers

    def _second(
        self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest, **given: Any
    ) -> torch.Tensor:
        changed = {"sigmas": list(SECOND_SIGMAS), "noise_scale": SECOND_SIGMAS[0], **given}
        request = replace(request, num_inference_steps=len(SECOND_SIGMAS))
        return self.one_pass(components, scheduler, request, **changed)[1].cpu()

    def _upsampled(self, components: Components, latents: torch.Tensor) -> torch.Tensor:
        pipeline = self.build(UPSAMPLE_PIPELINE, {name: components[name] for name in ("vae", UPSAMPLER)})
        upsampled: torch.Tensor = pipeline(latents=latents, output_type="latent", return_dict=False)[0]
        return upsampled

    def _shown(
        self, components: Components, upsampled: torch.Tensor, joint: torch.Tensor, request: DenoiseRequest
    ) -> torch.Tensor:
        """Returns what a preview of the first stage shows, as latents of the second."""
        pipeline, vae = self._shell, components["vae"]
        scaled = pipeline._normalize_latents(
            upsampled.float(), vae.latents_mean, vae.latents_std, vae.config.scaling_factor
        )
        sizes = pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size
        _, sound = self.layout.split(joint, sound_tokens=self.sound_tokens(request))
        return joined(pipeline._pack_latents(scaled, *sizes), sound).cpu()


def _reporting(
    request: DenoiseRequest, whole: ResumableScheduler, part: ResumableScheduler, steps_before: int
) -> DenoiseRequest:
    """Returns a request of one stage that reports its steps as those of the clip.

    Args:
        request: of the clip.
        whole: the scheduler of the clip, which takes over what the one of the stage predicts.
        part: the scheduler of the stage.
        steps_before: steps that this pass made in the stage before.
    """
    original: StepCallback = request.on_step_end

    def on_step_end(steps: int, latents: torch.Tensor | None) -> None:
        whole.predicted = part.predicted
        original(steps_before + steps, latents)

    return replace(request, on_step_end=on_step_end)
