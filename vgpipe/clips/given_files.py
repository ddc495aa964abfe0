"""Refuses videos and sounds that clips are given and that cannot be read, before a run begins that may take hours."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from vgpipe.errors import ConfigError, Fault, ModelError, fault_of
from vgpipe.job.clip import Clip


def refuse_unreadable_files(clips: Iterable[Clip]) -> None:
    """Decodes what clips that are still to be made are given: of a sound its first second, of a video the whole.

    Each file is decoded once, a video once for each part of it that is taken.

    Raises:
        ConfigError: naming the files, each at the first clip that has it.
    """
    clips = tuple(clips)
    if sounds := _first_of_each(clips, _sound_of):
        from vgpipe.stages.given_sound import check_sound  # which imports what only clips with sound files need

        _refuse(sounds, check_sound, "a sound file cannot be read; nothing was started")
    if videos := _first_of_each(clips, _part_of_video):
        from vgpipe.stages.given_video import check_video  # likewise

        _refuse(videos, check_video, "a video cannot be used; nothing was started")


def _sound_of(clip: Clip) -> Hashable:
    return clip.audio_sha256


def _part_of_video(clip: Clip) -> Hashable:
    return clip.video and (clip.video_sha256, clip.fps, clip.video_num_frames or clip.num_frames)


def _first_of_each(clips: Iterable[Clip], file_of: Callable[[Clip], Hashable]) -> Mapping[Hashable, Clip]:
    """Returns file -> the first clip that is given it."""
    first: dict[Hashable, Clip] = {}
    for clip in clips:
        if (file := file_of(clip)) is not None:
            first.setdefault(file, clip)
    return first


def _refuse(first: Mapping[Hashable, Clip], check: Callable[[Clip], None], headline: str) -> None:
    faults = [fault for clip in first.values() if (fault := _fault(clip, check)) is not None]
    if faults:
        raise ConfigError(headline, faults)


def _fault(clip: Clip, check: Callable[[Clip], None]) -> Fault | None:
    try:
        check(clip)
    except ModelError as error:
        return fault_of(clip.id, str(error))
    return None
