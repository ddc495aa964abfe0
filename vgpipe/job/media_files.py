"""Reads a file that ffmpeg is going to decode: which container it is by its first bytes, and the digest of its content.

No process is started and nothing is decoded here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vgpipe.job.picture import PictureFault, format_path, path_fault, unread
from vgpipe.outside_file import OutsideFileError, expanded, open_outside
from vgpipe.units import MIB

MAX_FILE_MIB = 4096
HEAD_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaKind:
    """A kind of file.

    Attributes:
        setting: the one that names such a file.
        noun: what it is called.
        suffixes: of files that are proposed where another is not there.
        format_words: the formats that are read, in words.
        containers: ffmpeg's name of a demuxer -> whether a file begins as it does. Playlists, which name further files,
            are none.
    """

    setting: str
    noun: str
    suffixes: tuple[str, ...]
    format_words: str
    containers: Mapping[str, Callable[[bytes], bool]]

    def container(self, head: bytes) -> str | None:
        """Returns the name that ffmpeg has for the container of a file; None where it is none that is read.

        Args:
            head: the first 16 bytes of the file.
        """
        return next((name for name, is_it in self.containers.items() if is_it(head)), None)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that may be of a kind.

    Attributes:
        path: absolute path, as the user gave it.
        sha256: SHA-256 of the file's bytes, 64 hex digits.
    """

    path: str
    sha256: str


def load_media(kind: MediaKind, given: str, folder: Path) -> MediaFile | PictureFault:
    """Hashes a file, and looks at what its first bytes say it is, whatever its suffix.

    Args:
        kind: what it is to be.
        given: its path as the user wrote it; `~` stands for the home directory.
        folder: what a relative path starts from.

    Returns:
        The file, or what is wrong with it. Nothing is downloaded: a URL is a fault.
    """
    setting, noun = kind.setting, kind.noun
    if (fault := path_fault(setting, given)) is not None:
        return fault
    path = (folder / expanded(given)).absolute()
    try:
        head, sha256 = digest(path)
    except OutsideFileError as error:
        return unread(setting, given, path, error, suffixes=kind.suffixes, max_mib=MAX_FILE_MIB)
    if not head:
        return PictureFault(
            f"{setting} {format_path(given)} is an empty file", f"save the {noun} again, or name another"
        )
    if kind.container(head) is None:
        what = f"{setting} {format_path(given)} is not a {noun} that can be read, whatever its name"
        return PictureFault(what, f"save it as {kind.format_words}")
    return MediaFile(str(path), sha256)


def digest(path: Path) -> tuple[bytes, str]:
    """Returns the first bytes of a file and the SHA-256 of all of them.

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


def is_mov(head: bytes) -> bool:
    """Returns whether a file begins as those of QuickTime and MP4 do."""
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def is_matroska(head: bytes) -> bool:
    """Returns whether a file begins as those of Matroska and WebM do."""
    return head[:4] == b"\x1aE\xdf\xa3"
