"""The sound of a clip for its exporters: what the model made of its segments, or the file that is laid under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.job.audio import has_model_sound
from vgpipe.store.artifacts import Artifact

if TYPE_CHECKING:
    from vgpipe.sound.joined import SoundSpan
    from vgpipe.sound.track import Track


@contextmanager
def sound_of(state: ClipState, frames: Sequence[Artifact], *, makes_sound: bool) -> Iterator[Track | None]:
    """Yields the sound of a clip; None where it has none.

    Args:
        state: the clip.
        frames: the decoded frames of each of its segments, with their sound.
        makes_sound: whether its model makes sound.

    Raises:
        LostArtifact: where the sound of a segment is missing or damaged; also while the track is read.
        ModelError: where its sound file has gone, has changed or cannot be decoded.
        ExportError: where a temporary file cannot be written.
    """
    clip = state.clip
    if clip.audio_sha256 is not None:
        from vgpipe.stages.given_sound import opened_sound

        with opened_sound(clip) as track:
            yield track
    elif has_model_sound(clip, makes_sound=makes_sound) and any(_has_sound(one) for one in frames):
        from vgpipe.sound.joined import JoinedSound

        yield JoinedSound(list(_spans(state.segments, frames)), clip.fps)
    else:
        yield None


def _has_sound(artifact: Artifact) -> bool:
    from vgpipe.stages import stored_sound

    return stored_sound.FILE in artifact.files


def _spans(segments: Sequence[SegmentState], frames: Sequence[Artifact]) -> Iterator[SoundSpan]:
    from functools import partial

    from vgpipe.sound.joined import SoundSpan
    from vgpipe.stages import stored_sound

    delivered = 0
    for state, artifact in zip(segments, frames, strict=True):
        segment = state.segment
        continues = segment.given or (segment.trajectory is not None and segment.trajectory.first_frame > 0)
        yield SoundSpan(
            open=partial(stored_sound.read, artifact),
            first_frame=delivered - segment.start,
            frames=segment.end,
            shared=(segment.given or segment.start) if continues else 0,
        )
        delivered += segment.stop - segment.start
