"""Pipes frames into ffmpeg, one at a time, and queries it about files; the only module that starts it.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from vgpipe.errors import EncoderCrashed, EncoderError, EncoderInterrupted
from vgpipe.exporters.folder import raise_if_unwritable
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.orphans import ORPHANS
from vgpipe.exporters.temporary import temporary_file
from vgpipe.exporters.watchdog import Watchdog, kill

QUIET = ("-hide_banner", "-loglevel", "error")
TERSE = {"SVT_LOG": "1"}  # SVT-AV1 prints its settings otherwise, whatever ffmpeg's log level
CRASHES = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS")
"""Signals that a process gets for what it does itself."""
SIGNALLED, NO_MEMORY = 255, "Cannot allocate memory"
LACKING = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.EINTR)
"""Why a program cannot be started that is there."""
ADDRESS = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ")


def executable() -> str:
    """Returns the ffmpeg to run: `VGPIPE_FFMPEG`, `IMAGEIO_FFMPEG_EXE`, or the one of imageio-ffmpeg.

    Raises:
        EncoderError: if there is none.
    """
    named = os.environ.get("VGPIPE_FFMPEG")
    if named:
        return named
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, OSError, RuntimeError) as error:
        # imageio-ffmpeg runs its ffmpeg once and remembers for good where that failed, also where a kill ended it.
        if (bundled := _bundled()) is not None:
            return str(bundled)
        raise EncoderError(f"there is no ffmpeg: {one_line(str(error))}") from error


def _bundled() -> Path | None:
    """Returns the ffmpeg in the wheel of imageio-ffmpeg, which need not run; None where there is none."""
    found = importlib.util.find_spec("imageio_ffmpeg")
    folders = [Path(one) / "binaries" for one in (found.submodule_search_locations or ())] if found else []
    return next((path for folder in folders for path in folder.glob("ffmpeg-*") if os.access(path, os.X_OK)), None)


def one_line(output: str) -> str:
    """Returns the first non-empty line of ffmpeg's output, without memory addresses."""
    lines = [ADDRESS.sub("", line.strip()) for line in output.splitlines()]
    return next((line for line in lines if line), "no error message")[:300]


def pipe(
    arguments: list[str], frames_THWC: Frames, *, target: Path, timeout_s: float, max_memory_bytes: int | None = None
) -> None:
    """Runs ffmpeg and writes frames to its stdin.

    Args:
        arguments: all but the program, its log level and the target.
        frames_THWC: uint8; read one after another, once.
        target: the file to write.
        timeout_s: seconds without progress after which ffmpeg is killed.
        max_memory_bytes: what it may allocate, on Linux; None sets no limit.

    Raises:
        EncoderError: if ffmpeg cannot be started, fails, hangs or writes nothing, with its message.
        EncoderInterrupted: if a signal or a lack of memory ended it.
        EncoderCrashed: if it crashed or hung.
        ExportError: if the target's folder is full, read-only or missing.
    """
    # stderr goes to a file, because a full pipe that is not read would block ffmpeg forever.
    with temporary_file() as log_file:
        command = [executable(), *QUIET, *arguments, str(target)]
        with (
            _started(command, log_file, subprocess.PIPE, subprocess.DEVNULL, max_memory_bytes) as process,
            Watchdog(process, target, timeout_s) as watchdog,
        ):
            is_all_read = _write_frames(process, frames_THWC, watchdog)
        output = _output(log_file)
    output = output or "no error message"
    wrong, kind = _wrong(process.returncode, is_all_read, target), _kind_of(process.returncode, output)
    if watchdog.has_fired:
        wrong, kind = f"ffmpeg made no progress for {timeout_s:g} s and was killed", EncoderCrashed
    if wrong:
        message = f"{wrong}: {output}"
        raise_if_unwritable(target.parent, message)
        raise kind(message)


def convert(arguments: list[str], *, target: Path, timeout_s: float, max_memory_bytes: int) -> None:
    """Runs ffmpeg without frames, and has it write a file.

    Args:
        arguments: all but the program, its log level and the target.
        target: the file to write.
        timeout_s: seconds without progress after which ffmpeg is killed.
        max_memory_bytes: what it may allocate, on Linux.

    Raises:
        EncoderError: if ffmpeg cannot be started, fails, hangs or writes nothing, with its message.
        EncoderInterrupted: if a signal or a lack of memory ended it.
        EncoderCrashed: if it crashed or hung.
        ExportError: if the target's folder is full, read-only or missing.
    """
    nothing = np.zeros((0, 1, 1, 3), np.uint8)
    pipe(arguments, nothing, target=target, timeout_s=timeout_s, max_memory_bytes=max_memory_bytes)


def answer(arguments: list[str], *, max_bytes: int, timeout_s: float, max_memory_bytes: int) -> bytes:
    """Runs ffmpeg without frames and returns what it writes to stdout.

    Args:
        arguments: all but the program and its log level.
        max_bytes: of the answer; ffmpeg is killed if it writes more.
        timeout_s: seconds after which ffmpeg is killed.
        max_memory_bytes: what it may allocate, on Linux.

    Raises:
        EncoderError: if ffmpeg cannot be started, fails, or exceeds the time or the size.
    """
    with temporary_file() as log_file:
        command = [executable(), *QUIET, *arguments]
        with _started(command, log_file, subprocess.DEVNULL, subprocess.PIPE, max_memory_bytes) as process:
            clock = threading.Timer(timeout_s, kill, (process,))
            clock.start()
            try:
                got = process.stdout.read(max_bytes + 1) if process.stdout else b""
                if len(got) <= max_bytes:
                    process.wait()
            finally:
                clock.cancel()
                kill(process)
                process.wait()
        output = _output(log_file)
    if process.returncode != 0:
        raise EncoderError(one_line(output) if output else f"ffmpeg failed (exit {process.returncode})")
    return got


def _output(log_file: IO[bytes]) -> str:
    log_file.seek(0)
    return log_file.read()[-2000:].decode("utf-8", "replace").strip()


def _wrong(status: int, is_all_read: bool, target: Path) -> str:
    if status < 0:
        return f"ffmpeg was killed by {_signal_name(-status)}"
    if status != 0:
        return f"ffmpeg failed (exit {status})"
    if not is_all_read:
        return "ffmpeg ended before it had all frames"
    return "" if target.is_file() and target.stat().st_size else "ffmpeg wrote nothing"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _kind_of(status: int, output: str) -> type[EncoderError]:
    """Returns what a failure says of the encoder: ffmpeg ends with 255 on SIGTERM, and says nothing else."""
    if status < 0:
        return EncoderCrashed if _signal_name(-status) in CRASHES else EncoderInterrupted
    if NO_MEMORY in output or (status == SIGNALLED and output == "no error message"):
        return EncoderInterrupted
    return EncoderError


@contextmanager
def _started(
    command: list[str], log_file: IO[bytes], stdin: int, stdout: int, max_memory_bytes: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yields ffmpeg, which has ended when the block ends, and does not outlive this process."""
    try:
        # A session of its own: Ctrl-C in the terminal must stop vgpipe cleanly, not kill its encoder.
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=log_file,
            start_new_session=True,
            env={**TERSE, **os.environ},
        )
    except OSError as error:
        kind = EncoderInterrupted if error.errno in LACKING else EncoderError
        raise kind(f"ffmpeg cannot be started: {error}") from error
    ORPHANS.add(process.pid)
    try:
        if max_memory_bytes is not None:
            _limit_memory(process.pid, max_memory_bytes)
        yield process
    finally:
        ORPHANS.remove(process.pid)


def _limit_memory(process_id: int, max_bytes: int) -> None:
    with suppress(ImportError, AttributeError, OSError, ValueError):  # not on Linux; or there is a lower limit already
        import resource

        # Of private memory, not of addresses, of which threads and drivers reserve far more than they use.
        resource.prlimit(process_id, resource.RLIMIT_DATA, (max_bytes, max_bytes))


def _write_frames(process: subprocess.Popen[bytes], frames_THWC: Frames, watchdog: Watchdog) -> bool:
    """Writes all frames and waits for the end; returns whether ffmpeg read them all."""
    try:
        is_all_read = all(_write_frame(process, frame_HWC, watchdog) for frame_HWC in frames_THWC)
        with watchdog.waiting():
            is_all_read = _close_stdin(process) and is_all_read
            process.wait()
    except BaseException:
        kill(process)
        _close_stdin(process)
        process.wait()
        raise
    return is_all_read


def _write_frame(process: subprocess.Popen[bytes], frame_HWC: np.ndarray, watchdog: Watchdog) -> bool:
    if process.stdin is None:
        return False
    with watchdog.waiting(), suppress(OSError):  # if it has ended, its exit status and log say why
        process.stdin.write(np.ascontiguousarray(frame_HWC).tobytes())
        return True
    return False


def _close_stdin(process: subprocess.Popen[bytes]) -> bool:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
        return True
    return False
