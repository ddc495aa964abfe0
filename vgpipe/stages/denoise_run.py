"""One pass of denoising over a clip, from its checkpoint or from noise, checkpointed on the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vgpipe.errors import Stopped
from vgpipe.job.clip import Clip
from vgpipe.models.base import DenoiseRequest, Embeds, SectionHistory, StepCallback
from vgpipe.models.caches.memory import CacheMemory
from vgpipe.models.resumable import ResumableScheduler, scheduler_state
from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.stages.images import GivenFrames
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

MAX_SAVING_SHARE = 0.05
"""Of the time of denoising that goes into checkpoints at most: with a step cache one may have gigabytes."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a section of a long clip continues.

    Attributes:
        section: its latents, for the family.
        generator_state: of the clip's CPU generator after that section, uint8.
    """

    section: SectionHistory
    generator_state: torch.Tensor


def request_for(
    clip: Clip,
    *,
    embeds: Embeds,
    negative_embeds: Embeds | None,
    generator: torch.Generator,
    latents: torch.Tensor | None,
    given: GivenFrames,
    on_step_end: StepCallback,
    cache: CacheMemory | None = None,
    history: SectionHistory | None = None,
) -> DenoiseRequest:
    """Returns what a family is asked for.

    Args:
        clip: the clip.
        embeds: of the prompt.
        negative_embeds: of the negative prompt; None where it is not used.
        generator: CPU generator, fresh from the clip's seed.
        latents: where to continue from; None starts from noise.
        given: what it is given beside text.
        on_step_end: called with (steps done in this pass, latents) after each step.
        cache: what a step cache remembers of earlier passes; None of none.
        history: what it continues; None where it begins on its own.
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
        on_step_end=on_step_end,
        guidance_interval=(clip.guidance_start, clip.guidance_stop),
        cache=cache or CacheMemory(),
        strength=clip.strength,
        **given.arguments(),
        history=history,
    )


def cpu_generator() -> torch.Generator:
    """Returns a fresh generator of noise on the CPU."""
    import torch

    return torch.Generator("cpu")


@dataclass
class DenoiseRun:
    """Denoising of one clip, from its checkpoint or from noise.

    Attributes:
        store: where checkpoints are.
        key: of the clip's latents.
        clip: the clip.
        hooks: checkpoint rhythm, stop signal and progress.
        inner_scheduler: the family's scheduler, fresh.
        device: where the model is.
        last_step: loop iterations after which the pass ends; None makes all of them.
        history: what it continues; None where it begins on its own.
        first_step: loop iterations that the checkpoint had done, or that are skipped.
        generator: the clip's own.
        cache: what a step cache remembers.
    """

    store: Store
    key: Key
    clip: Clip
    hooks: DenoiseHooks
    inner_scheduler: Any
    device: str
    last_step: int | None = None
    history: History | None = None
    first_step: int = 0
    generator: torch.Generator = field(default_factory=cpu_generator)

    def __post_init__(self) -> None:
        self._saved_at_s = time.monotonic()
        self._saving_s = 0.0
        skipped = self.clip.skipped_steps * getattr(self.inner_scheduler, "order", 1)
        self.first_step = self._saved_step = skipped
        if self.last_step is not None:  # what is shown must have been denoised a little
            self.last_step = max(self.last_step, skipped + 1)
        saved = self._found()
        self.cache = CacheMemory(saved=saved.cache if saved else {}, device=self.device)
        self.latents = saved.latents if saved else None
        # The loop's preparations may draw from the generator too (an image's latents): it always starts from the seed,
        # or from where the section before left it.
        self.generator.manual_seed(self.clip.seed)
        if self.history is not None:
            self.generator.set_state(self.history.generator_state)
        if saved:
            self.first_step = self._saved_step = saved.done_steps
            log.info("%s resumes at step %d", self.clip.id, saved.done_steps)
        self.scheduler = ResumableScheduler(
            self.inner_scheduler,
            done_steps=self.first_step,
            state=saved.scheduler if saved else None,
            before_first_step=self.restore_generator,
            last_step=self.last_step,
            skipped_steps=skipped,
        )
        self._generator_state = saved.generator if saved else None

    def restore_generator(self) -> None:
        """Restores the generator's state of the checkpoint, once."""
        if self._generator_state is not None:
            self.generator.set_state(self._generator_state)
            self._generator_state = None

    def request(self, embeds: Embeds, negative_embeds: Embeds | None, given: GivenFrames) -> DenoiseRequest:
        """Returns what the family is asked for."""
        return request_for(
            self.clip,
            embeds=embeds,
            negative_embeds=negative_embeds,
            generator=self.generator,
            latents=self.latents,
            given=given,
            on_step_end=self._on_step_end,
            cache=self.cache,
            history=self.history.section if self.history else None,
        )

    def _found(self) -> DenoiseCheckpoint | None:
        """Returns the checkpoint to resume from."""
        return checkpoints.read(self.store, self.key, self.device)

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
        interval_s = max(self.hooks.checkpoint_interval_s, self._saving_s / MAX_SAVING_SHARE)
        return steps >= self.hooks.checkpoint_steps and waited_s >= interval_s

    def _save(self, done: int, latents: torch.Tensor) -> None:
        started_s = time.monotonic()
        try:
            checkpoints.write(self.store, self.key, self._checkpoint(done, latents))
        except (OSError, TypeError) as error:
            log.warning("no checkpoint at step %d of %s: %s", done, self.clip.id, error)
        self._saved_at_s, self._saved_step = time.monotonic(), done
        self._saving_s = self._saved_at_s - started_s

    def _checkpoint(self, done: int, latents: torch.Tensor) -> DenoiseCheckpoint:
        state = scheduler_state(self.inner_scheduler)
        return DenoiseCheckpoint(done, latents, state, self.generator.get_state(), self.cache.current())
