"""What a job says of sound, and the sound files that it names.

They are decoded by the export that needs their samples, and by the check before a run (`vgpipe/stages/given_sound.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vgpipe.job.audio import OF_MODEL
from vgpipe.job.clip import SILENT
from vgpipe.job.media_files import MediaKind, is_matroska, is_mov, load_media
from vgpipe.job.picture import PictureFault

ADTS = (0xF0, 0xF6)
"""Bits of the second byte of raw AAC, and which of them tell it from MP3."""


def _is_sync(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def _is_adts(head: bytes) -> bool:
    return _is_sync(head) and head[1] & ADTS[1] == ADTS[0]


SOUND = MediaKind(
    setting="audio",
    noun="sound file",
    suffixes=(".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".mp4", ".mov", ".webm", ".mkv"),
    format_words="WAV, MP3, FLAC, Ogg, AAC, AIFF, MP4 or Matroska",
    containers={
        "wav": lambda head: head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE",
        "flac": lambda head: head[:4] == b"fLaC",
        "ogg": lambda head: head[:4] == b"OggS",
        "mov": is_mov,
        "matroska": is_matroska,
        "aiff": lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"),
        "aac": _is_adts,
        "mp3": lambda head: head[:3] == b"ID3" or _is_sync(head),
    },
)


@dataclass(frozen=True, slots=True)
class GivenSound:
    """What a clip's `audio` comes to.

    Attributes:
        audio: absolute path of a file, as the user gave it; `none` where the sound of the model is left out; None for
            what the model makes, if anything.
        sha256: SHA-256 of the file's bytes, 64 hex digits; None without a file.
    """

    audio: str | None
    sha256: str | None = None


def load_sound(given: str, folder: Path, *, makes_sound: bool) -> GivenSound | PictureFault:
    """Returns what a clip's `audio` comes to, or what is wrong with it.

    Args:
        given: a path as the user wrote it, where `~` stands for the home directory; or `none` or `model`.
        folder: what a relative path starts from.
        makes_sound: whether the model makes sound.
    """
    if given == OF_MODEL and not makes_sound:
        return PictureFault("audio is model, and the model makes no sound", "leave it out, or name a sound file")
    if given in (SILENT, OF_MODEL):
        return GivenSound(SILENT if given == SILENT and makes_sound else None)
    found = load_media(SOUND, given, folder)
    return found if isinstance(found, PictureFault) else GivenSound(found.path, found.sha256)
