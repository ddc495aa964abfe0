"""denoise: prompt embeddings and noise to latents, checkpointed on the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError, PrecisionError
from vgpipe.hardware.arithmetic import arithmetic_of
from vgpipe.job.clip import Clip
from vgpipe.models.base import Components, Embeds, Family, Windows
from vgpipe.models.resumable import ResumableScheduler
from vgpipe.models.weights.precision import remedy_for_overflow
from vgpipe.quality import noise_left
from vgpipe.stages import checkpoints, tensors
from vgpipe.stages.denoise_run import DenoiseHooks, DenoiseRun, History, cpu_generator
from vgpipe.stages.draft_run import DraftRun
from vgpipe.stages.images import given_frames
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np
    import torch

FILE = "latents.safetensors"
VERSION = 2
"""Part of every store key of latents: goes up where noise, the schedule or a family's call gives other latents."""
PREVIEW_VERSION = 1
"""Part of every store key of previews: goes up where a step is predicted to lead to other latents."""


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
        generator = cpu_generator()
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
    history: History | None = None,
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
        history: what a section continues; None where it begins on its own.

    Returns:
        The artifact: `latents.safetensors`, read by `read`. Its info says how much of its noise is left (`noise_left`).

    Raises:
        Stopped: where `hooks.should_stop` said so; the checkpoint is on the disk.
        ModelError: where an image or a video that it is given has gone or changed.
        PrecisionError: where the latents are not finite.
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    denoise_run = DenoiseRun(store, key, clip, hooks, family.scheduler(), device, history=history)
    request = denoise_run.request(embeds, negative_embeds, given_frames(clip, given_NHWC))
    latents = family.denoise(components, denoise_run.scheduler, replace(request, windows=windows))
    denoise_run.restore_generator()  # where a checkpoint left no step to do
    if not _is_finite(latents):
        checkpoints.remove(store, key)
        raise _overflow(family, "the latents")
    noise = _noise_left(denoise_run.scheduler)
    _write(store, key, latents, denoise_run, embeds, {"seconds": _seconds_since(started), noise_left.NAME: noise})
    checkpoints.remove(store, key)
    return store.find(key)


def run_draft(
    store: Store,
    key: Key,
    preview_key: Key,
    clip: Clip,
    *,
    steps: int,
    family: Family,
    components: Components,
    embeds: Embeds,
    negative_embeds: Embeds | None,
    device: str,
    hooks: DenoiseHooks,
    given_NHWC: np.ndarray | None = None,
    windows: Windows | None = None,
) -> Artifact | None:
    """Denoises the first steps of a clip, or of one segment of it, and stores what the model predicts it to become.

    The clip's checkpoint at that step stays in the store: `run` continues from it, to the bits of a clip never drafted.
    The preview is written first, and both must be there for a draft to be done (`is_drafted`).

    Args:
        store: where the preview and the checkpoint go.
        key: of the clip's latents, whose checkpoint it is.
        preview_key: the preview's name.
        clip: the clip, with the steps of its whole schedule.
        steps: loop iterations to make, at least 1; those of an earlier checkpoint count.
        family: drives the model.
        components: the loaded `family.denoise_components`.
        embeds: of the prompt.
        negative_embeds: of the negative prompt; None where it is not used.
        device: where `components` are.
        hooks: checkpoint rhythm, stop signal and progress.
        given_NHWC: uint8 frames that the segment continues from; None where it begins with text or its own image.
        windows: how more frames than the model can hold are denoised; None where the clip is made at once.

    Returns:
        The preview: an artifact like that of `run`, read by `read` and decoded as that is.

    Raises:
        Stopped: where `hooks.should_stop` said so before the last of the steps; a checkpoint is on the disk.
        ModelError: where the family or its scheduler gives no prediction, or a given file has gone or changed.
        PrecisionError: where the predicted latents are not finite.
        StoreError: where the store cannot be written.
    """
    obstacle = family.draft_obstacle()
    if obstacle is not None:
        raise ModelError(obstacle)
    if is_drafted(store, key, preview_key, steps):
        return store.find(preview_key)
    started = time.monotonic()
    draft_run = DraftRun(store, key, clip, hooks, family.scheduler(), device, family=family, last_step=steps)
    request = draft_run.request(embeds, negative_embeds, given_frames(clip, given_NHWC))
    latents = family.denoise(components, draft_run.scheduler, replace(request, windows=windows))
    if not _is_finite(latents):
        draft_run.discard_checkpoint()
        raise _overflow(family, "the predicted latents")
    if store.find(preview_key) is None:
        _write(store, preview_key, latents, draft_run, embeds, {"seconds": _seconds_since(started), "steps": steps})
    draft_run.write_checkpoint()
    return store.find(preview_key)


def is_drafted(store: Store, key: Key, preview_key: Key, steps: int) -> bool:
    """Returns whether a draft is done: its preview is in the store, and a checkpoint that is as far.

    Args:
        store: the store.
        key: of the clip's latents.
        preview_key: of the preview.
        steps: of the draft.
    """
    return store.find(preview_key) is not None and checkpoints.steps_of(store, key) >= steps


def _write(
    store: Store, key: Key, latents: torch.Tensor, made_by: DenoiseRun, embeds: Embeds, facts: Mapping[str, Any]
) -> None:
    with store.create(key) as writer:
        kept = {"latents": latents, "generator": made_by.generator.get_state()}
        tensors.save(writer.path(FILE), kept, {"embeds_dtype": _dtype_name(embeds)})
        writer.info["resumed_from_step"] = made_by.first_step
        writer.info["device"] = arithmetic_of(made_by.device)
        if (skipped := made_by.cache.skipped_share) is not None:
            writer.info["skipped"] = round(skipped, 4)
        writer.info.update(facts)


def _seconds_since(started: float) -> float:
    return round(time.monotonic() - started, 4)


def _is_finite(latents: torch.Tensor) -> bool:
    import torch

    return bool(torch.isfinite(latents).all())


def _overflow(family: Family, what: str) -> PrecisionError:
    denoisers = family.denoise_components(from_image=False)
    remedy = remedy_for_overflow(family.settings, denoisers, family.encode_components)
    return PrecisionError(f"{what} are not finite (NaN or infinite) -> {remedy}")


def _noise_left(scheduler: ResumableScheduler) -> float | None:
    """Returns how much of its noise a clip still has; None where not all steps were made in this pass."""
    samples = scheduler.first_sample, scheduler.last_sample
    first, last = (None if one is None else one.detach().float().cpu().numpy() for one in samples)
    number = None if first is None or last is None else noise_left.noise_left(first, last)
    return None if number is None else round(number, 4)


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
