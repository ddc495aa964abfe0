"""What a failure means for its clip, and for the run."""

from __future__ import annotations

import copy
import errno

from vgpipe.errors import ModelError, VgpipeError


def reason(stage: str, error: Exception) -> str:
    """Returns what the user reads: the stage and the error in one line."""
    return f"{stage}: {error if isinstance(error, VgpipeError) else f'{type(error).__name__}: {error}'}"


def model_cause(error: Exception) -> Exception | None:
    """Returns an error that another way to load the model, or another model, may help against; None for any other.

    A copy without its traceback, whose frames would keep the loaded model in memory.
    """
    return copy.copy(error) if isinstance(error, ModelError) else None


def disk_is_full(error: BaseException | None) -> bool:
    """Says whether an error, or what caused it, is a disk that takes no more: full, over quota or read-only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return True
        error = error.__cause__
    return False
