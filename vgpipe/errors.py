"""The error tree: every failure that vgpipe raises on purpose is a `VgpipeError`."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vgpipe.terminal import on_one_line

DISK_FAULTS = {
    errno.ENOSPC: re.compile(
        r"no space left on device|not enough space on the disk|\(os error 28\)|PytorchStreamWriter failed writing"
        r"|\d+ requested and \d+ written",
        re.IGNORECASE,
    ),
    errno.EDQUOT: re.compile(r"disk quota exceeded|\(os error 122\)", re.IGNORECASE),
    errno.EROFS: re.compile(r"read-only file system|\(os error 30\)", re.IGNORECASE),
    errno.EFBIG: re.compile(r"\[errno 27\]|\(os error 27\)|SIGXFSZ", re.IGNORECASE),
}
"""The numbers of the errors of a disk that takes no more, each with what libraries write in its place."""


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text, or its class where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def is_disk_full(error: BaseException | None) -> bool:
    """Says whether an error, or what led to it, is a disk that takes no more."""
    return disk_error(error) is not None


def disk_error(error: BaseException | None) -> int | None:
    """Returns the number (`errno`) of the disk's fault in an error, or in what led to it; None where there is none.

    Libraries raise the system's error under other classes, and often quote it as text alone: NumPy, safetensors, torch,
    ffmpeg.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in DISK_FAULTS:
            return error.errno
        for number, pattern in DISK_FAULTS.items():
            if pattern.search(str(error)):
                return number
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


class VgpipeError(Exception):
    """Base of all errors that vgpipe raises on purpose; its text is shown to the user as it is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in what the user wrote.

    Attributes:
        where: the full config key (`quality.num_inference_steps`) or the job file's line (`jobs/a.yaml:12`).
        what: what is wrong, naming the field, the value and what is allowed.
        remedy: what to type instead.
    """

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return on_one_line(f"{self.where}: {self.what}{remedy}")


def fault_of(where: str, text: str) -> Fault:
    """Returns a fault whose text is `what -> remedy`, as other errors have it."""
    what, _, remedy = text.partition(" -> ")
    return Fault(where, what, remedy)


class UsageError(VgpipeError):
    """Bad usage, config or job: nothing was started (exit code 2). Carries every fault found."""

    def __init__(self, headline: str, faults: Sequence[Fault] = ()):
        self.headline = headline
        self.faults = tuple(faults)
        super().__init__("\n  ".join([headline, *map(str, self.faults)]))


class ConfigError(UsageError):
    """The composed config or a command-line override is invalid."""


class JobError(UsageError):
    """The job file is invalid or cannot be read."""


class ModelError(VgpipeError):
    """A checkpoint is missing, damaged or not what its family expects."""


class LoadError(ModelError):
    """The files of a component cannot be loaded; other weight files or another model may do.

    Attributes:
        component: its name in model_index.json; "" where it is not known.
    """

    def __init__(self, message: str, component: str = ""):
        self.component = component
        super().__init__(message)


class OutOfMemory(ModelError):
    """The memory of the device or the host did not suffice; another memory strategy may do.

    Attributes:
        component: what did not fit, where it is known; else "".
    """

    def __init__(self, message: str, component: str = ""):
        self.component = component
        super().__init__(message)


class PrecisionError(ModelError):
    """The arithmetic overflowed, or the device has none of this precision: another precision may do.

    Attributes:
        stage: where it overflowed: `denoise` or `decode`.
    """

    def __init__(self, message: str, stage: str = "denoise"):
        self.stage = stage
        super().__init__(message)


class StoreError(VgpipeError):
    """An artifact or run directory cannot be written or read."""


class ExportError(VgpipeError):
    """An exporter could not deliver its file."""


class EncoderError(ExportError):
    """An encoder failed, or is not there; another one may do."""


class EncoderInterrupted(EncoderError):
    """Something outside of an encoder ended it: a signal, or too little memory; the same one may do another time."""


class EncoderCrashed(EncoderError):
    """An encoder crashed or hung, which may be chance once."""


class Stopped(VgpipeError):
    """The run was asked to stop; what is done is on the disk, and `resume` continues from it."""
