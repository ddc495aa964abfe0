"""decode: latents to frames."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vgpipe.job.clip import Clip
from vgpipe.job.segments import Trajectory
from vgpipe.models.base import Components, DecodeRequest, Family
from vgpipe.stages import arrays
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.stages.denoise import Denoised
    from vgpipe.stages.seams import Seam

FILE = "frames.npy"
VERSION = 2
"""Part of every store key of frames: goes up where slicing latents, VAE tiles or rounding gives other frames."""


def run(
    store: Store,
    key: Key,
    clip: Clip,
    *,
    family: Family,
    components: Components,
    denoised: Denoised,
    trajectory: Trajectory | None = None,
    seam: Seam | None = None,
) -> Artifact | None:
    """Decodes one clip into the store.

    Args:
        store: where the artifact goes.
        key: its name.
        clip: the clip.
        family: drives the model.
        components: the loaded `family.decode_components`.
        denoised: what denoising left.
        trajectory: the longer pass that the clip is a piece of; None where the latents are its own.
        seam: what joins it to the previous segment; None where it starts on its own.

    Returns:
        The artifact: `frames.npy`, (T, H, W, 3) uint8.

    Raises:
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    request = DecodeRequest(
        latents=_latents(family, clip, denoised, trajectory),
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        generator=denoised.generator(),
        embeds_dtype=denoised.embeds_dtype,
    )
    frames_THWC = family.decode(components, request)
    facts: dict[str, Any] = {}
    if seam is not None:
        from vgpipe.stages.seams import join_segment

        frames_THWC, facts = join_segment(frames_THWC, seam)
    with store.create(key) as draft:
        arrays.save(draft.path(FILE), frames_THWC)
        draft.info["seconds"] = round(time.monotonic() - started, 4)
        draft.info.update(facts)
    return store.find(key)


def _latents(family: Family, clip: Clip, denoised: Denoised, trajectory: Trajectory | None) -> Any:
    if trajectory is None:
        return denoised.latents
    place = {"first_frame": trajectory.first_frame, "num_frames": clip.num_frames}
    return family.slice_latents(denoised.latents, **place, total_frames=trajectory.num_frames)


def read(artifact: Artifact) -> np.ndarray:
    """Returns the frames (T, H, W, 3) uint8 of a decode artifact, mapped from disk rather than loaded."""
    import numpy as np

    frames: np.ndarray = np.load(artifact.path(FILE), mmap_mode="r", allow_pickle=False)
    return frames
