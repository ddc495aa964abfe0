"""Reads a job file's text, with a message for each way in which that can fail."""

from __future__ import annotations

import codecs
from pathlib import Path

from vgpipe.errors import Fault, JobError
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.units import MIB

SUFFIXES = (".yaml", ".yml", ".txt", ".csv", ".tsv", ".json", ".jsonl")
MAX_FILE_MIB = 64


def display(path: Path) -> str:
    """Returns the path as messages show it: relative where it lies under the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def read_text(path: Path) -> str:
    """Reads a job file.

    Args:
        path: the file.

    Returns:
        Its text, without a byte-order mark, its lines ending in a single newline character.

    Raises:
        JobError: it is missing, no plain file, of another suffix, unreadable, over 64 MiB or not UTF-8.
    """
    data = _read_bytes(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _refused(path, "the file is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte {data[error.start]:#04x} is not UTF-8"
        raise _refused(path, what, "save the file as UTF-8", line) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise _refused(path, "the file is empty", "write at least one prompt into it")
    return text


def _read_bytes(path: Path) -> bytes:
    if path.suffix.lower() not in SUFFIXES and path.is_file():
        known = ", ".join(SUFFIXES)
        what = f"a job file ends in one of {known}; this one in {path.suffix or 'no suffix'}"
        raise _refused(path, what, "rename it by what it holds")
    try:
        return read_outside(path, max_bytes=MAX_FILE_MIB * MIB)
    except OutsideFileError as error:
        raise _refused(path, *_why(error)) from None


def _why(error: OutsideFileError) -> tuple[str, str]:
    """Returns what is wrong with a file that is not read, and a remedy."""
    return {
        Refusal.MISSING: ("there is no such file", "check the spelling of the path"),
        Refusal.FOLDER: ("this is a directory, not a job file", f"name a file in it ({', '.join(SUFFIXES)})"),
        Refusal.NO_REGULAR_FILE: ("this is not a regular file", "save the job as a file"),
        Refusal.TOO_LARGE: (f"the file is larger than {MAX_FILE_MIB} MiB", "split it into several jobs"),
        Refusal.UNREADABLE: (f"the file cannot be read: {error.detail}", "check the path and the file's permissions"),
    }[error.refusal]


def _refused(path: Path, what: str, remedy: str, line: int = 0) -> JobError:
    name = display(path)
    where = f"{name}:{line}" if line else name
    return JobError("the job cannot be read; nothing was started", [Fault(where, what, remedy)])
