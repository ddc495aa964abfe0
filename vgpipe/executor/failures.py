"""What a failure means for its clip, and for the run."""

from __future__ import annotations

import errno

from vgpipe.errors import LoadError, PrecisionError, VgpipeError


def reason(stage: str, error: Exception) -> str:
    """Returns what the user reads: the stage and the error in one line."""
    return f"{stage}: {error if isinstance(error, VgpipeError) else f'{type(error).__name__}: {error}'}"


def model_cause(error: Exception) -> Exception | None:
    """Returns an error that another way to load the model may help against; None for any other."""
    return error if isinstance(error, LoadError | PrecisionError) else None


def disk_is_full(error: BaseException | None) -> bool:
    """Says whether an error, or what caused it, is a disk that takes no more: full, over quota or read-only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return True
        error = error.__cause__
    return False
