"""Refuses clips whose sound files cannot be decoded, before a run begins that may render for hours."""

from __future__ import annotations

from collections.abc import Iterable

from vgpipe.errors import ConfigError, Fault, ModelError
from vgpipe.job.clip import Clip


def refuse_unreadable_sounds(clips: Iterable[Clip]) -> None:
    """Decodes the first second of each sound file of clips that are still to be made.

    Raises:
        ConfigError: naming the files that cannot be decoded, each at the first clip that has it.
    """
    first = {clip.audio_sha256: clip for clip in reversed(list(clips)) if clip.audio_sha256 is not None}
    faults = [fault for clip in reversed(first.values()) if (fault := _fault(clip)) is not None]
    if faults:
        raise ConfigError("a sound file cannot be read; nothing was started", faults)


def _fault(clip: Clip) -> Fault | None:
    from vgpipe.stages.given_sound import check_sound  # which imports what only clips with sound files need

    try:
        check_sound(clip)
    except ModelError as error:
        what, _, remedy = str(error).partition(" -> ")
        return Fault(clip.id, what, remedy)
    return None
