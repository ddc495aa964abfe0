"""judge: a preview to one number, kept in the store by what can change it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vgpipe.job.clip import Clip
from vgpipe.models.base import Components, Embeds, Family, Windows
from vgpipe.quality.judges import adherence, clip
from vgpipe.quality.judges.base import Judge, Score
from vgpipe.report.values import float_of
from vgpipe.stages.denoise_run import request_for
from vgpipe.stages.images import given_frames
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import SCORE

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.models.clip_model import ClipModel
    from vgpipe.stages.decode import StoredFrames
    from vgpipe.stages.denoise import Denoised

NUMBER = "number"
LOOKED_AT = 8
"""Frames of a preview that a CLIP model sees, at most, spread over the clip; part of the judge's version."""


def score_key(judge: Judge, preview: Key, **inputs: Any) -> Key:
    """Returns the key of a score.

    Args:
        judge: who gives it.
        preview: what is judged.
        inputs: what else can change it, as plain values.
    """
    return Key(SCORE, {"version": judge.version, "judge": judge.name, "preview": preview.digest, **inputs})


def by_adherence(
    store: Store,
    key: Key,
    of_clip: Clip,
    preview: Denoised,
    *,
    family: Family,
    components: Components,
    embeds: Embeds,
    without: Embeds,
    given_NHWC: np.ndarray | None = None,
    windows: Windows | None = None,
) -> Artifact | None:
    """Scores a preview by how little its prompt still pulls it, in two forward passes for each noise level.

    Args:
        store: where the score goes.
        key: its name.
        of_clip: the clip, as its preview was denoised.
        preview: what `denoise.read` gives of it.
        family: drives the model.
        components: the loaded `family.denoise_components`.
        embeds: of the prompt.
        without: of the negative prompt, or of the empty one.
        given_NHWC: uint8 frames that the segment continues from; None where it begins with text or its own image.
        windows: how more frames than the model can hold are denoised; None where the clip is made at once.

    Returns:
        The artifact; read by `score_of`.

    Raises:
        ModelError: where the family or its scheduler gives no prediction of a single step.
        StoreError: where the store cannot be written.
    """
    from vgpipe.models.noised import NoisedPredictions

    started = time.monotonic()
    unguided = replace(of_clip, guidance_scale=_unguided(family, of_clip.guidance_scale))
    request = request_for(
        unguided,
        embeds=embeds,
        negative_embeds=without if family.uses_negative_prompt(unguided.guidance_scale) else None,
        generator=preview.generator(),
        latents=None,
        given=given_frames(of_clip, given_NHWC),
        on_step_end=lambda _steps, _latents: None,
    )
    predictions = NoisedPredictions(family, components, replace(request, windows=windows))
    pulls = predictions.pulls(preview.latents, adherence.NOISE_LEVELS, embeds, without)
    return _kept(store, key, adherence.score(pulls), started, pulls=pulls)


def by_clip_model(store: Store, key: Key, frames: StoredFrames, prompt: str, model: ClipModel) -> Artifact | None:
    """Scores a preview by how similar its frames and its prompt are to a CLIP model.

    Args:
        store: where the score goes.
        key: its name.
        frames: of the preview.
        prompt: what it is to show.
        model: the CLIP model.

    Returns:
        The artifact; read by `score_of`.

    Raises:
        ModelError: where the model cannot be loaded.
        StoreError: where the store cannot be written.
    """
    import numpy as np

    started = time.monotonic()
    count = frames.shape[0]
    chosen = {round(place) for place in np.linspace(0, count - 1, min(count, LOOKED_AT))}
    looked_at = [frame_HWC for index, frame_HWC in enumerate(frames[0:count]) if index in chosen]
    similarities = model.similarities(np.stack(looked_at), prompt)
    return _kept(store, key, clip.score(similarities), started, similarities=similarities)


def score_of(judge: Judge, artifact: Artifact | None) -> Score | None:
    """Returns what a judge said; None where it said nothing."""
    number = None if artifact is None else float_of(artifact.info.get(NUMBER))
    return None if number is None else Score(judge.name, number)


def _unguided(family: Family, guidance_scale: float) -> float:
    """Returns the guidance of a pass with one text alone: the clip's own where that has none already."""
    if not family.uses_negative_prompt(guidance_scale):
        return guidance_scale
    return next((scale for scale in (1.0, 0.0) if not family.uses_negative_prompt(scale)), guidance_scale)


def _kept(store: Store, key: Key, number: float | None, started: float, **measured: Sequence[float]) -> Artifact | None:
    with store.create(key) as writer:
        facts = {name: [round(one, 8) for one in values] for name, values in measured.items()}
        writer.info.update({NUMBER: number, "seconds": round(time.monotonic() - started, 4), **facts})
    return store.find(key)
