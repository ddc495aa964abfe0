"""What a clip or segment needs from the store for its next stage, and what it leaves there for the next segment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipWork
from vgpipe.errors import StoreError
from vgpipe.job.clip import Clip
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.models.base import Windows
    from vgpipe.stages.seams import Seam


def needed(store: Store, key: Key) -> Artifact:
    """Returns an artifact that an earlier stage made.

    Raises:
        StoreError: where it has gone.
    """
    artifact = store.find(key)
    if artifact is None:
        raise StoreError(f"the {key.stage} artifact {key.digest[:12]} is gone from {store.root}")
    return artifact


def texts_of(work: ClipWork) -> list[tuple[Key, str]]:
    """Returns every text that a clip's denoising needs, with its name in the store."""
    keys, clip = work.keys, work.clip
    negative = [(keys.negative, clip.negative_prompt)] if keys.negative else []
    course = work.segment.trajectory if work.segment else None
    later = [text for _, text in course.prompts[1:]] if course else []
    return [(keys.prompt, clip.prompt), *negative, *zip(keys.later, later, strict=True)]


def denoised_clip(work: ClipWork) -> Clip:
    """Returns what one denoising pass makes: the clip, or for a piece of a trajectory all of that."""
    course = work.segment.trajectory if work.segment else None
    return work.clip if course is None else replace(work.clip, num_frames=course.num_frames)


def conditions(store: Store, work: ClipWork) -> np.ndarray | None:
    """Returns the frames that the model goes on from, (N, H, W, 3) uint8; None where a segment begins anew."""
    given_NHWC = _given(store, work)
    return None if given_NHWC is None or work.segment is None else given_NHWC[: work.segment.conditions]


def windows_of(store: Store, work: ClipWork) -> Windows | None:
    """Returns how a trajectory is denoised; None for a clip or segment that is made at once."""
    from vgpipe.models.base import Windows, WindowShot
    from vgpipe.stages import encode

    course = work.segment.trajectory if work.segment else None
    if course is None:
        return None
    later = zip(course.prompts[1:], work.keys.later, strict=True)
    shots = [WindowShot(first_frame=first, embeds=encode.read(needed(store, key))) for (first, _), key in later]
    overlap = course.overlap_num_frames
    return Windows(num_frames=work.clip.num_frames, overlap_frames=overlap, shots=tuple(shots))


def seam_of(store: Store, work: ClipWork) -> Seam | None:
    """Returns what joins a segment to the one before; None where it begins anew."""
    from vgpipe.stages.seams import Seam

    given_NHWC, segment = _given(store, work), work.segment
    return None if given_NHWC is None or segment is None else Seam(given_NHWC, segment.match_color, segment.blend)


def leave_tail(store: Store, work: ClipWork, frames: Artifact | None) -> None:
    """Keeps what the next segment goes on from, unless it is there.

    Args:
        store: where it goes.
        work: the segment.
        frames: its decoded frames; None where another process took them away, so that a later pass makes them again.

    Raises:
        StoreError: where the store cannot be written.
    """
    from vgpipe.stages import decode, seams

    key, segment = work.keys.tail, work.segment
    if key is None or segment is None or work.after is None or frames is None or store.find(key) is not None:
        return
    seams.write_tail(store, key, decode.read(frames)[segment.end - work.after.given : segment.end])


def _given(store: Store, work: ClipWork) -> np.ndarray | None:
    from vgpipe.stages import seams

    before = work.before
    return None if before is None or before.keys.tail is None else seams.read_tail(needed(store, before.keys.tail))
