"""Reads one video file that a job names: whether it may be one, and the digest of its content.

No process is started and nothing is decoded here: that is left to the stage that needs its frames, and to the check
before a run (`vgpipe/stages/given_video.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vgpipe.job.picture import PictureFault, format_path, path_fault, unread
from vgpipe.outside_file import OutsideFileError, expanded, open_outside
from vgpipe.units import MIB

SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif")
CONTAINER_WORDS = "MP4, MOV, WebM, Matroska, AVI or GIF"
MAX_FILE_MIB = 4096
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 16


@dataclass(frozen=True, slots=True)
class Video:
    """A video file.

    Attributes:
        path: absolute path, as the user gave it.
        sha256: SHA-256 of the file's bytes, 64 hex digits.
    """

    path: str
    sha256: str


def load_video(given: str, folder: Path) -> Video | PictureFault:
    """Hashes a video file, and looks at what its first bytes say it is, whatever its suffix.

    Args:
        given: its path as the user wrote it; `~` stands for the home directory.
        folder: what a relative path starts from.

    Returns:
        The video, or what is wrong with it. Nothing is downloaded: a URL is a fault.
    """
    if (fault := path_fault("video", given)) is not None:
        return fault
    path = (folder / expanded(given)).absolute()
    try:
        head, sha256 = digest(path)
    except OutsideFileError as error:
        return unread("video", given, path, error, suffixes=SUFFIXES, max_mib=MAX_FILE_MIB)
    if not head:
        return PictureFault(f"video {format_path(given)} is an empty file", "save the video again, or name another")
    if container(head) is None:
        what = f"video {format_path(given)} is not a video that can be read, whatever its name"
        return PictureFault(what, f"save it as {CONTAINER_WORDS}")
    return Video(str(path), sha256)


def digest(path: Path) -> tuple[bytes, str]:
    """Returns the first bytes of a video file and the SHA-256 of all of them.

    Raises:
        OutsideFileError: where it cannot be read, or is larger than a job may name.
    """
    found = hashlib.sha256()
    with open_outside(path, max_bytes=MAX_FILE_MIB * MIB) as file:
        head = file.read(HEAD_BYTES)
        found.update(head)
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
    return head, found.hexdigest()


def container(head: bytes) -> str | None:
    """Returns the name that ffmpeg has for the container of a file; None where it is none that is read.

    Args:
        head: the first 16 bytes of the file.
    """
    return next((name for name, is_it in _CONTAINERS.items() if is_it(head)), None)


_CONTAINERS: dict[str, Callable[[bytes], bool]] = {
    "mov": lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"),
    "matroska": lambda head: head[:4] == b"\x1aE\xdf\xa3",
    "avi": lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ",
    "gif": lambda head: head[:6] in (b"GIF87a", b"GIF89a"),
}
"""ffmpeg's name of a demuxer -> whether a file begins as it does; playlists, which name further files, are none."""
