"""denoise: prompt embeddings and noise to latents, checkpointed on the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from vgpipe.errors import ModelError, Stopped
from vgpipe.job.clip import Clip
from vgpipe.models.base import Components, DenoiseRequest, Embeds, Family
from vgpipe.models.checkpoint import Checkpoint
from vgpipe.models.resumable import ResumableScheduler, scheduler_state
from vgpipe.stages import checkpoints, tensors
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

log = logging.getLogger(__name__)

FILE = "latents.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What looks on while a clip is denoised.

    Attributes:
        checkpoint_steps: steps between checkpoints, at least.
        checkpoint_interval_s: seconds between checkpoints, at least.
        should_stop: asked after every step; True checkpoints and raises `Stopped`.
        on_step: told how many steps of the clip are done.
    """

    checkpoint_steps: int
    checkpoint_interval_s: float
    should_stop: Callable[[], bool]
    on_step: Callable[[int], None]


def run(
    store: Store,
    key: Key,
    clip: Clip,
    *,
    family: Family,
    checkpoint: Checkpoint,
    parts: Components,
    embeds: Embeds,
    negative_embeds: Embeds | None,
    device: str,
    watch: Watch,
) -> Artifact | None:
    """Denoises one clip into the store, going on from its checkpoint if it has one.

    Args:
        store: where the artifact and the checkpoints go.
        key: the artifact's name.
        clip: the clip.
        family: drives the model.
        checkpoint: the model's files.
        parts: the loaded `family.denoise_parts`.
        embeds: of the prompt.
        negative_embeds: of the negative prompt; None where guidance is off.
        device: where `parts` are.
        watch: checkpoint rhythm, stop signal and progress.

    Returns:
        The artifact: `latents.safetensors` with `latents` (1, C, T, H, W) float32.

    Raises:
        Stopped: where `watch.should_stop` said so; the checkpoint is on the disk.
        ModelError: where the latents are not finite.
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    scheduler = checkpoint.load("scheduler", dtype="float32", device="cpu")
    passage = _Passage(store, key, clip, watch, scheduler, device)
    latents_1CTHW = family.denoise(checkpoint, parts, passage.scheduler, passage.request(embeds, negative_embeds))
    if not torch.isfinite(latents_1CTHW).all():
        checkpoints.remove(store, key)
        remedy = "a dtype with more range, as model.dtype=float32"
        raise ModelError(f"the latents are not finite (NaN or infinite) -> {remedy}")
    with store.create(key) as draft:
        tensors.save(draft.path(FILE), {"latents": latents_1CTHW})
        draft.info["seconds"] = round(time.monotonic() - started, 4)
        draft.info["resumed_from_step"] = passage.first_step
    checkpoints.remove(store, key)
    return store.find(key)


def read(artifact: Artifact) -> torch.Tensor:
    """Returns the latents (1, C, T, H, W) float32 of a denoise artifact, on the CPU."""
    return tensors.load(artifact.path(FILE))[0]["latents"]


@dataclass
class _Passage:
    """One clip's way through the schedule, from its checkpoint or from noise."""

    store: Store
    key: Key
    clip: Clip
    watch: Watch
    inner_scheduler: Any
    device: str
    first_step: int = 0
    generator: torch.Generator = field(default_factory=lambda: torch.Generator("cpu"))

    def __post_init__(self) -> None:
        self._saved_at_s = time.monotonic()
        self._saved_step = 0
        saved = checkpoints.read(self.store, self.key, self.device)
        self.latents = saved.latents if saved else None
        if saved:
            self.generator.set_state(saved.generator)
            self.first_step = self._saved_step = saved.done_steps
            log.info("%s goes on at step %d", self.clip.id, saved.done_steps)
        else:
            self.generator.manual_seed(self.clip.seed)
        self.scheduler = ResumableScheduler(
            self.inner_scheduler, done_steps=self.first_step, state=saved.scheduler if saved else None
        )

    def request(self, embeds: Embeds, negative_embeds: Embeds | None) -> DenoiseRequest:
        """Returns what the family is asked for."""
        return DenoiseRequest(
            embeds=embeds,
            negative_embeds=negative_embeds,
            width=self.clip.width,
            height=self.clip.height,
            num_frames=self.clip.num_frames,
            num_inference_steps=self.clip.num_inference_steps,
            guidance_scale=self.clip.guidance_scale,
            generator=self.generator,
            latents=self.latents,
            on_step_end=self._on_step_end,
        )

    def _on_step_end(self, steps: int, latents_1CTHW: torch.Tensor) -> None:
        done = self.first_step + steps
        self.watch.on_step(done)
        stopping = self.watch.should_stop()
        if stopping or self._is_due(done):
            self._save(done, latents_1CTHW)
        if stopping:
            raise Stopped(f"stopped at step {done} of {self.clip.num_inference_steps}")

    def _is_due(self, done: int) -> bool:
        waited_s = time.monotonic() - self._saved_at_s
        steps = done - self._saved_step
        return steps >= self.watch.checkpoint_steps and waited_s >= self.watch.checkpoint_interval_s

    def _save(self, done: int, latents_1CTHW: torch.Tensor) -> None:
        try:
            state = scheduler_state(self.inner_scheduler)
            saved = checkpoints.DenoiseCheckpoint(done, latents_1CTHW, state, self.generator.get_state())
            checkpoints.write(self.store, self.key, saved)
        except (OSError, TypeError) as error:
            log.warning("no checkpoint at step %d of %s: %s", done, self.clip.id, error)
        self._saved_at_s, self._saved_step = time.monotonic(), done
