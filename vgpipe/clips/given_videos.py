"""Refuses videos that clips are given and that cannot be read, or are too short, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable

from vgpipe.errors import ConfigError, Fault, ModelError
from vgpipe.job.clip import Clip


def refuse_unreadable_videos(clips: Iterable[Clip]) -> None:
    """Decodes the video of clips that are still to be made: once for each file and each part of it that is taken.

    Raises:
        ConfigError: naming the videos, each at the first clip that has it.
    """
    first: dict[tuple[object, ...], Clip] = {}
    for clip in clips:
        if clip.video is not None:
            first.setdefault((clip.video_sha256, clip.fps, clip.video_num_frames or clip.num_frames), clip)
    faults = [fault for clip in first.values() if (fault := _fault(clip)) is not None]
    if faults:
        raise ConfigError("a video cannot be used; nothing was started", faults)


def _fault(clip: Clip) -> Fault | None:
    from vgpipe.stages.given_video import check_video  # which imports what only clips with videos need

    try:
        check_video(clip)
    except ModelError as error:
        what, _, remedy = str(error).partition(" -> ")
        return Fault(clip.id, what, remedy)
    return None
