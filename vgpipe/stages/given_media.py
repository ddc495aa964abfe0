"""Where the bytes of a given video or sound are, once it is sure that they are those that the job was read with."""

from __future__ import annotations

from pathlib import Path

from vgpipe.errors import ModelError
from vgpipe.job.media_files import MediaKind, digest
from vgpipe.outside_file import OutsideFileError
from vgpipe.stages.file_copies import copy_of


def checked_media(kind: MediaKind, given: str, sha256: str | None) -> tuple[Path, str]:
    """Returns where a file is, absolute, with ffmpeg's name for its container.

    Args:
        kind: what it is.
        given: its path, as the clip has it.
        sha256: of its bytes when the job was read.

    Raises:
        ModelError: where it has gone or changed since, or is of no container that is read.
    """
    path, name = copy_of(sha256, given), f"{kind.setting} {given}"
    try:
        head, found = digest(path)
    except OutsideFileError as error:
        raise ModelError(f"{name} cannot be read: {error}") from error
    if found != sha256:
        raise ModelError(f"{name} has changed since the job was read -> run the job again")
    if (container := kind.container(head)) is None:
        raise ModelError(f"{name} is not a {kind.noun} that can be read -> save it as {kind.format_words}")
    return path.absolute(), container
