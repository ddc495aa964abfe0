"""denoise: prompt embeddings and noise to latents, checkpointed on the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import PrecisionError, Stopped
from vgpipe.hardware.arithmetic import arithmetic_of
from vgpipe.job.clip import Clip
from vgpipe.models.base import Components, DenoiseRequest, Embeds, Family, StepCallback, Windows
from vgpipe.models.resumable import ResumableScheduler, scheduler_state
from vgpipe.models.weights.precision import remedy_for_overflow
from vgpipe.quality import noise_left
from vgpipe.stages import checkpoints, tensors
from vgpipe.stages.images import first_frames
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np
    import torch

log = logging.getLogger(__name__)

FILE = "latents.safetensors"
VERSION = 2
"""Part of every store key of latents: goes up where noise, the schedule or a family's call gives other latents."""
PREVIEW_VERSION = 1
"""Part of every store key of previews: goes up where a step is predicted to lead to other latents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiseHooks:
    """What is called while a clip is denoised.

    Attributes:
        checkpoint_steps: steps between checkpoints, at least.
        checkpoint_interval_s: seconds between checkpoints, at least.
        should_stop: called after every step; True checkpoints and raises `Stopped`.
        on_step: called with the number of steps of the clip that are done.
    """

    checkpoint_steps: int
    checkpoint_interval_s: float
    should_stop: Callable[[], bool]
    on_step: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Denoised:
    """What denoising leaves for decoding.

    Attributes:
        latents: in the pipeline's own layout and dtype, on the CPU.
        generator_state: of the clip's CPU generator, uint8; some decoders draw noise.
        embeds_dtype: torch dtype of the prompt embeddings.
    """

    latents: torch.Tensor
    generator_state: torch.Tensor
    embeds_dtype: torch.dtype

    def generator(self) -> torch.Generator:
        """Returns the clip's generator as denoising left it."""
        generator = _cpu_generator()
        generator.set_state(self.generator_state)
        return generator


def run(
    store: Store,
    key: Key,
    clip: Clip,
    *,
    family: Family,
    components: Components,
    embeds: Embeds,
    negative_embeds: Embeds | None,
    device: str,
    hooks: DenoiseHooks,
    given_NHWC: np.ndarray | None = None,
    windows: Windows | None = None,
) -> Artifact | None:
    """Denoises one clip, or one segment of it, into the store, resuming from its checkpoint if it has one.

    Args:
        store: where the artifact and the checkpoints go.
        key: the artifact's name.
        clip: the clip.
        family: drives the model.
        components: the loaded `family.denoise_components`.
        embeds: of the prompt.
        negative_embeds: of the negative prompt; None where it is not used.
        device: where `components` are.
        hooks: checkpoint rhythm, stop signal and progress.
        given_NHWC: uint8 frames that the segment continues from; None where it begins with text or its own image.
        windows: how more frames than the model can hold are denoised; None where the clip is made at once.

    Returns:
        The artifact: `latents.safetensors`, read by `read`. Its info says how much of its noise is left (`noise_left`).

    Raises:
        Stopped: where `hooks.should_stop` said so; the checkpoint is on the disk.
        ModelError: where the clip's image has gone or changed.
        PrecisionError: where the latents are not finite.
        StoreError: where the store cannot be written.
    """
    import torch

    started = time.monotonic()
    denoise_run = _DenoiseRun(store, key, clip, hooks, family.scheduler(), device)
    frames_NHWC = first_frames(clip) if given_NHWC is None else given_NHWC
    request = denoise_run.request(embeds, negative_embeds, frames_NHWC)
    latents = family.denoise(components, denoise_run.scheduler, replace(request, windows=windows))
    denoise_run.restore_generator()  # where a checkpoint left no step to do
    if not torch.isfinite(latents).all():
        checkpoints.remove(store, key)
        denoisers = family.denoise_components(from_image=False)
        remedy = remedy_for_overflow(family.settings, denoisers, family.encode_components)
        raise PrecisionError(f"the latents are not finite (NaN or infinite) -> {remedy}")
    with store.create(key) as draft:
        kept = {"latents": latents, "generator": denoise_run.generator.get_state()}
        tensors.save(draft.path(FILE), kept, {"embeds_dtype": _dtype_name(embeds)})
        draft.info["seconds"] = round(time.monotonic() - started, 4)
        draft.info["resumed_from_step"] = denoise_run.first_step
        draft.info["device"] = arithmetic_of(device)
        draft.info[noise_left.NAME] = _noise_left(denoise_run.scheduler)
    checkpoints.remove(store, key)
    return store.find(key)


def _noise_left(scheduler: ResumableScheduler) -> float | None:
    """Returns how much of its noise a clip still has; None where not all steps were made in this pass."""
    samples = scheduler.first_sample, scheduler.last_sample
    first, last = (None if one is None else one.detach().float().cpu().numpy() for one in samples)
    number = None if first is None or last is None else noise_left.noise_left(first, last)
    return None if number is None else round(number, 4)


def request_for(
    clip: Clip,
    *,
    embeds: Embeds,
    negative_embeds: Embeds | None,
    generator: torch.Generator,
    latents: torch.Tensor | None,
    frames_NHWC: np.ndarray | None,
    on_step_end: StepCallback,
) -> DenoiseRequest:
    """Returns what a family is asked for.

    Args:
        clip: the clip.
        embeds: of the prompt.
        negative_embeds: of the negative prompt; None where it is not used.
        generator: CPU generator, fresh from the clip's seed.
        latents: where to continue from; None starts from noise.
        frames_NHWC: uint8 frames that it begins with; None where it begins from text alone.
        on_step_end: called with (steps done in this pass, latents) after each step.
    """
    return DenoiseRequest(
        embeds=embeds,
        negative_embeds=negative_embeds,
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        fps=clip.fps,
        num_inference_steps=clip.num_inference_steps,
        guidance_scale=clip.guidance_scale,
        generator=generator,
        latents=latents,
        frames_NHWC=frames_NHWC,
        on_step_end=on_step_end,
    )


def read(artifact: Artifact) -> Denoised:
    """Returns what a denoise artifact holds.

    Raises:
        LostArtifact: where it is missing or damaged.
    """
    import torch

    kept, facts = tensors.load(artifact.read(FILE))
    return Denoised(kept["latents"], kept["generator"], getattr(torch, facts["embeds_dtype"]))


def _dtype_name(embeds: Embeds) -> str:
    found = (str(tensor.dtype) for tensor in embeds.values() if tensor.is_floating_point())
    return next(found, "float32").removeprefix("torch.")


def _cpu_generator() -> torch.Generator:
    import torch

    return torch.Generator("cpu")


@dataclass
class _DenoiseRun:
    """Denoising of one clip, from its checkpoint or from noise."""

    store: Store
    key: Key
    clip: Clip
    hooks: DenoiseHooks
    inner_scheduler: Any
    device: str
    first_step: int = 0
    generator: torch.Generator = field(default_factory=_cpu_generator)

    def __post_init__(self) -> None:
        self._saved_at_s = time.monotonic()
        self._saved_step = 0
        saved = checkpoints.read(self.store, self.key, self.device)
        self.latents = saved.latents if saved else None
        # The loop's preparations may draw from the generator too (an image's latents): it always starts from the seed.
        self.generator.manual_seed(self.clip.seed)
        if saved:
            self.first_step = self._saved_step = saved.done_steps
            log.info("%s resumes at step %d", self.clip.id, saved.done_steps)
        self.scheduler = ResumableScheduler(
            self.inner_scheduler,
            done_steps=self.first_step,
            state=saved.scheduler if saved else None,
            before_first_step=self.restore_generator,
        )
        self._generator_state = saved.generator if saved else None

    def restore_generator(self) -> None:
        """Restores the generator's state of the checkpoint, once."""
        if self._generator_state is not None:
            self.generator.set_state(self._generator_state)
            self._generator_state = None

    def request(self, embeds: Embeds, negative_embeds: Embeds | None, frames_NHWC: np.ndarray | None) -> DenoiseRequest:
        """Returns what the family is asked for."""
        return request_for(
            self.clip,
            embeds=embeds,
            negative_embeds=negative_embeds,
            generator=self.generator,
            latents=self.latents,
            frames_NHWC=frames_NHWC,
            on_step_end=self._on_step_end,
        )

    def _on_step_end(self, steps: int, latents: torch.Tensor | None) -> None:
        done = self.first_step + steps
        self.hooks.on_step(done)
        stopping = self.hooks.should_stop()
        if latents is not None and (stopping or self._is_due(done)):
            self._save(done, latents)
        if stopping:
            raise Stopped(f"stopped at step {done} of {self.clip.num_inference_steps}")

    def _is_due(self, done: int) -> bool:
        waited_s = time.monotonic() - self._saved_at_s
        steps = done - self._saved_step
        return steps >= self.hooks.checkpoint_steps and waited_s >= self.hooks.checkpoint_interval_s

    def _save(self, done: int, latents: torch.Tensor) -> None:
        try:
            state = scheduler_state(self.inner_scheduler)
            saved = checkpoints.DenoiseCheckpoint(done, latents, state, self.generator.get_state())
            checkpoints.write(self.store, self.key, saved)
        except (OSError, TypeError) as error:
            log.warning("no checkpoint at step %d of %s: %s", done, self.clip.id, error)
        self._saved_at_s, self._saved_step = time.monotonic(), done
