"""The sound of a clip for its exporters: what the model made of its segments, or the file that is laid under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipState
from vgpipe.job.audio import has_model_sound
from vgpipe.job.segment import Segment
from vgpipe.store.artifacts import Artifact

if TYPE_CHECKING:
    from vgpipe.sound.joined import SoundSpan
    from vgpipe.sound.record import Sound
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
        from vgpipe.stages import stored_sound

        opens = [partial(stored_sound.read, artifact) for artifact in frames]
        yield JoinedSound(spans_of([one.segment for one in state.segments], opens), clip.fps)
    else:
        yield None


def _has_sound(artifact: Artifact) -> bool:
    from vgpipe.stages import stored_sound

    return stored_sound.FILE in artifact.files


def spans_of(segments: Sequence[Segment], opens: Sequence[Callable[[], Sound | None]]) -> list[SoundSpan]:
    """Returns where the sound of each segment lies in a clip.

    Args:
        segments: those that were made, in order.
        opens: of each, what reads its sound.
    """
    from vgpipe.sound.joined import SoundSpan

    spans, delivered = [], 0
    for segment, read in zip(segments, opens, strict=True):
        is_later_piece = segment.trajectory is not None and segment.trajectory.first_frame > 0
        shared = segment.start if is_later_piece else segment.given
        spans.append(SoundSpan(read, first_frame=delivered - segment.start, frames=segment.end, shared=shared))
        delivered += segment.stop - segment.start
    return spans
