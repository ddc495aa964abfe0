"""What a segment needs from the store for its next stage, and what it leaves there for the next segment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import SegmentState
from vgpipe.job.clip import Clip
from vgpipe.job.segment import WINDOW
from vgpipe.store.artifacts import Artifact, LostArtifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.models.base import Family, Windows
    from vgpipe.stages.denoise import Denoised
    from vgpipe.stages.denoise_run import History
    from vgpipe.stages.seams import Seam


def required(store: Store, key: Key) -> Artifact:
    """Returns an artifact that an earlier stage made.

    Raises:
        LostArtifact: where it is missing or damaged.
    """
    artifact = store.find(key)
    if artifact is None:
        raise LostArtifact(key, f"it is not in {store.root}, or no longer")
    return artifact


def texts_of(segment: SegmentState) -> list[tuple[Key, str]]:
    """Returns every text that a segment's denoising needs, with its store key."""
    keys, clip = segment.keys, segment.clip
    negative = [(keys.negative, clip.negative_prompt)] if keys.negative else []
    trajectory = segment.segment.trajectory
    later = [text for _, text in trajectory.prompts[1:]] if trajectory else []
    return [(keys.prompt, clip.prompt), *negative, *zip(keys.later, later, strict=True)]


def denoised_clip(segment: SegmentState) -> Clip:
    """Returns what one denoising pass makes: the segment, or the whole trajectory that it is a part of."""
    trajectory = segment.segment.trajectory
    return segment.clip if trajectory is None else replace(segment.clip, num_frames=trajectory.num_frames)


def conditioning_frames(store: Store, segment: SegmentState) -> np.ndarray | None:
    """Returns the frames that the model continues from, (N, H, W, 3) uint8; None where it starts from noise alone."""
    tail_NHWC = _previous_tail(store, segment)
    return None if tail_NHWC is None else tail_NHWC[: segment.segment.conditions]


def windows_of(store: Store, segment: SegmentState) -> Windows | None:
    """Returns how a trajectory is denoised; None for a segment that one pass makes."""
    from vgpipe.models.base import Windows, WindowShot
    from vgpipe.stages import encode

    trajectory = segment.segment.trajectory
    if trajectory is None or trajectory.method != WINDOW:
        return None
    later = zip(trajectory.prompts[1:], segment.keys.later, strict=True)
    shots = [WindowShot(first_frame=first, embeds=encode.read(required(store, key))) for (first, _), key in later]
    overlap = trajectory.overlap_num_frames
    return Windows(num_frames=segment.clip.num_frames, overlap_frames=overlap, shots=tuple(shots))


def history_of(store: Store, segment: SegmentState) -> History | None:
    """Returns what a section of a long clip continues; None for a segment that begins on its own or from frames."""
    from vgpipe.models.base import SectionHistory
    from vgpipe.stages import denoise
    from vgpipe.stages.denoise_run import History

    previous, shared = segment.previous, segment.segment.history
    if previous is None or not shared:
        return None
    found = denoise.read(required(store, previous.keys.latents))
    section = SectionHistory(latents=found.latents, num_frames=shared)
    return History(section=section, generator_state=found.generator_state)


def with_context(store: Store, segment: SegmentState, family: Family, denoised: Denoised) -> tuple[Denoised, int]:
    """Puts before a section's latents those that its frames depend on, and the whole clip's where there are few.

    Args:
        store: where the sections before are.
        segment: the segment; one that is no section is left as it is.
        family: decodes it.
        denoised: what denoising left of it.

    Returns:
        What to decode, and how many of its first frames are not the segment's.
    """
    if not segment.segment.history:
        return denoised, 0
    from vgpipe.stages import denoise

    sections, current = [(denoised.latents, segment.segment.history)], segment
    missing = family.decoding_context + segment.segment.history
    while missing > 0 and (previous := current.previous) is not None:
        latents = denoise.read(required(store, previous.keys.latents)).latents
        sections.insert(0, (latents, previous.segment.history))
        missing -= previous.clip.num_frames - previous.segment.history
        current = previous
    latents, context_frames = family.with_context(sections)
    return replace(denoised, latents=latents), context_frames


def must_keep_latents(store: Store, segment: SegmentState) -> bool:
    """Returns whether sections after one are still to be made or decoded, which need its latents."""
    for later in segment.parent.segments[segment.segment.index + 1 :]:
        if not later.segment.history:
            break
        if store.find(later.keys.frames) is None:
            return True
    return False


def seam_of(store: Store, segment: SegmentState) -> Seam | None:
    """Returns what joins a segment to the one before; None where it continues none."""
    from vgpipe.stages.seams import Seam

    tail_NHWC = _previous_tail(store, segment)
    return None if tail_NHWC is None else Seam(tail_NHWC, segment.segment.match_color, segment.segment.blend)


def keep_tail(store: Store, segment: SegmentState, frames: Artifact | None) -> None:
    """Stores the frames that the next segment continues from, unless they are there.

    Args:
        store: where they go.
        segment: the segment.
        frames: its decoded frames; None where another process took them away, so that a later pass makes them again.

    Raises:
        LostArtifact: where its frames are damaged.
        StoreError: where the store cannot be written.
    """
    import numpy as np

    from vgpipe.stages import decode, seams

    key, following = segment.keys.tail, segment.next
    if key is None or following is None or frames is None or store.find(key) is not None:
        return
    end = segment.segment.end
    seams.write_tail(store, key, np.stack(list(decode.StoredFrames(frames)[end - following.given : end])))


def _previous_tail(store: Store, segment: SegmentState) -> np.ndarray | None:
    from vgpipe.stages import seams

    previous = segment.previous
    if previous is None or previous.keys.tail is None:
        return None
    return seams.read_tail(required(store, previous.keys.tail))
