"""Reads what a job says of sound: of a file, whether it may be one, and the digest of its content.

No process is started and nothing is decoded here: that is left to the export that needs its samples, and to the check
before a run (`vgpipe/stages/given_sound.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vgpipe.job.audio import OF_MODEL
from vgpipe.job.clip import SILENT
from vgpipe.job.picture import PictureFault, format_path, path_fault, unread
from vgpipe.outside_file import OutsideFileError, expanded, open_outside
from vgpipe.units import MIB

SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".mp4", ".mov", ".webm", ".mkv")
FORMAT_WORDS = "WAV, MP3, FLAC, Ogg, AAC, AIFF, MP4 or Matroska"
MAX_FILE_MIB = 4096
HEAD_BYTES = 16
ADTS = (0xF0, 0xF6)
"""Bits of the second byte of raw AAC, and which of them tell it from MP3."""


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
    """Hashes a sound file, and looks at what its first bytes say it is, whatever its suffix.

    Args:
        given: its path as the user wrote it, where `~` stands for the home directory; or `none` or `model`.
        folder: what a relative path starts from.
        makes_sound: whether the model makes sound.

    Returns:
        The sound, or what is wrong with it. Nothing is downloaded: a URL is a fault.
    """
    if given == OF_MODEL and not makes_sound:
        return PictureFault("audio is model, and the model makes no sound", "leave it out, or name a sound file")
    if given in (SILENT, OF_MODEL):
        return GivenSound(SILENT if given == SILENT and makes_sound else None)
    if (fault := path_fault("audio", given)) is not None:
        return fault
    path = (folder / expanded(given)).absolute()
    try:
        head, sha256 = digest(path)
    except OutsideFileError as error:
        return unread("audio", given, path, error, suffixes=SUFFIXES, max_mib=MAX_FILE_MIB)
    if not head:
        return PictureFault(f"audio {format_path(given)} is an empty file", "save the sound again, or name another")
    if container(head) is None:
        what = f"audio {format_path(given)} is not a sound file that can be read, whatever its name"
        return PictureFault(what, f"save it as {FORMAT_WORDS}")
    return GivenSound(str(path), sha256)


def digest(path: Path) -> tuple[bytes, str]:
    """Returns the first bytes of a sound file and the SHA-256 of all of them.

    Raises:
        OutsideFileError: where it cannot be read, or is larger than a job may name.
    """
    found = hashlib.sha256()
    with open_outside(path, max_bytes=MAX_FILE_MIB * MIB) as file:
        head = file.read(HEAD_BYTES)
        found.update(head)
        while chunk := file.read(MIB):
            found.update(chunk)
    return head, found.hexdigest()


def container(head: bytes) -> str | None:
    """Returns the name that ffmpeg has for the container of a sound file; None where it is none that is read.

    Args:
        head: the first 16 bytes of the file.
    """
    return next((name for name, is_it in _CONTAINERS.items() if is_it(head)), None)


def _is_sync(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def _is_adts(head: bytes) -> bool:
    return _is_sync(head) and head[1] & ADTS[1] == ADTS[0]


_CONTAINERS: dict[str, Callable[[bytes], bool]] = {
    "wav": lambda head: head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE",
    "flac": lambda head: head[:4] == b"fLaC",
    "ogg": lambda head: head[:4] == b"OggS",
    "mov": lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"),
    "matroska": lambda head: head[:4] == b"\x1aE\xdf\xa3",
    "aiff": lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"),
    "aac": _is_adts,
    "mp3": lambda head: head[:3] == b"ID3" or _is_sync(head),
}
"""ffmpeg's name of a demuxer -> whether a file begins as it does; playlists, which name further files, are none."""
