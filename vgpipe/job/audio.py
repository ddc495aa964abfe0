"""What `clip.audio` says, and whether a clip has sound."""

from __future__ import annotations

from vgpipe.job.clip import SILENT, Clip

OF_MODEL = "model"
WORDS = (SILENT, OF_MODEL)
"""What `audio` may be in place of a file's path."""


def has_model_sound(clip: Clip, *, makes_sound: bool) -> bool:
    """Returns whether what the model makes is the sound of a clip.

    Args:
        clip: the clip.
        makes_sound: whether its model makes sound.
    """
    return makes_sound and clip.audio is None


def has_sound(clip: Clip, *, makes_sound: bool) -> bool:
    """Returns whether a clip has sound, of its model or of a file.

    Args:
        clip: the clip.
        makes_sound: whether its model makes sound.
    """
    return clip.audio_sha256 is not None or has_model_sound(clip, makes_sound=makes_sound)
