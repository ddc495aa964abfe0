"""The end of a clip in a worker as a message, and errors as messages and back."""

from __future__ import annotations

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import LoadError, ModelError, OutOfMemory, PrecisionError, VgpipeError
from vgpipe.executor.workers.messages import ClipEnded, Ending, Failure, FailureKind
from vgpipe.fallback.history import FallbackHistory


def ended_of(state: ClipState, ending: Ending, history: FallbackHistory) -> ClipEnded:
    """Returns what the driver gets to know of a clip that a worker is done with.

    Args:
        state: the clip.
        ending: how it ended.
        history: knows how it was made.
    """
    return ClipEnded(
        clip=state.clip.id if state.is_canary else state.id,
        ending=ending,
        made=history.of(state),
        is_reused=state.is_reused,
        text_notes=state.text_notes,
        degradations=state.degradations,
        segment_degradations=tuple(segment.degradations for segment in state.segments),
        seconds=dict(state.seconds),
        segment_seconds=tuple(dict(segment.seconds) for segment in state.segments),
        peak_ram_gb=state.peak_ram_gb,
        peak_vram_gb=state.peak_vram_gb,
        predicted_peak_gb=state.predicted_peak_gb,
        verdicts=state.verdicts,
        is_rejected=state.is_rejected,
        error=state.error or "",
        failure=failure_of(state.cause) if state.cause is not None else None,
    )


def failure_of(error: Exception) -> Failure:
    """Returns an error as a message."""
    message = str(error)
    if isinstance(error, LoadError):
        return Failure(FailureKind.LOADING, message, error.component)
    if isinstance(error, OutOfMemory):
        return Failure(FailureKind.MEMORY, message, error.component)
    if isinstance(error, PrecisionError):
        return Failure(FailureKind.PRECISION, message, error.stage)
    return Failure(FailureKind.MODEL if isinstance(error, ModelError) else FailureKind.OTHER, message)


def error_of(failure: Failure) -> VgpipeError:
    """Returns the error that a failure tells of."""
    if failure.kind is FailureKind.LOADING:
        return LoadError(failure.message, failure.detail)
    if failure.kind is FailureKind.MEMORY:
        return OutOfMemory(failure.message, failure.detail)
    if failure.kind is FailureKind.PRECISION:
        return PrecisionError(failure.message, failure.detail)
    return ModelError(failure.message) if failure.kind is FailureKind.MODEL else VgpipeError(failure.message)
