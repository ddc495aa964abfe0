"""Pipes frames into ffmpeg, one at a time, and asks it about files; the only place that starts it.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from vgpipe.errors import EncoderError
from vgpipe.exporters.folder import raise_if_unwritable
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.watchdog import Watchdog, kill

QUIET = ("-hide_banner", "-loglevel", "error")
TERSE = {"SVT_LOG": "1"}  # SVT-AV1 prints its settings otherwise, whatever ffmpeg is told
ADDRESS = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ")


def executable() -> str:
    """Returns the ffmpeg to run: `VGPIPE_FFMPEG`, `IMAGEIO_FFMPEG_EXE`, or the one that imageio-ffmpeg brings.

    Raises:
        EncoderError: where there is none.
    """
    named = os.environ.get("VGPIPE_FFMPEG")
    if named:
        return named
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, OSError, RuntimeError) as error:
        raise EncoderError(f"there is no ffmpeg: {one_line(str(error))}") from error


def one_line(said: str) -> str:
    """Returns the first line of ffmpeg's words that says something, without the address of what said it."""
    lines = [ADDRESS.sub("", line.strip()) for line in said.splitlines()]
    return next((line for line in lines if line), "it said nothing")[:300]


def pipe(arguments: list[str], frames_THWC: Frames, *, target: Path, timeout_s: float) -> None:
    """Runs ffmpeg and writes frames to its stdin.

    Args:
        arguments: everything but the program, what keeps it quiet and the target.
        frames_THWC: uint8; asked for one after another, once.
        target: the file it writes.
        timeout_s: seconds without progress after which it is killed.

    Raises:
        EncoderError: where ffmpeg cannot be started, dies, gets stuck or writes nothing; with its own words.
        ExportError: where the target's folder is full, read-only or gone.
    """
    # stderr goes to a file: a full pipe nobody reads would block ffmpeg for ever.
    with tempfile.TemporaryFile() as words:
        process = _started([executable(), *QUIET, *arguments, str(target)], words, subprocess.PIPE, subprocess.DEVNULL)
        with Watchdog(process, target, timeout_s) as watchdog:
            is_all_taken = _fed(process, frames_THWC, watchdog)
        said = _said(words)
    wrong = _wrong(process.returncode, is_all_taken, target)
    if watchdog.has_fired:
        wrong = f"ffmpeg made no progress for {timeout_s:g} s and was ended"
    if wrong:
        told = f"{wrong}: {said or 'it said nothing'}"
        raise_if_unwritable(target.parent, told)
        raise EncoderError(told)


def answer(arguments: list[str], *, most_bytes: int, timeout_s: float) -> bytes:
    """Runs ffmpeg without frames and returns what it writes to stdout.

    Args:
        arguments: everything but the program and what keeps it quiet.
        most_bytes: of the answer; it is ended where it writes more.
        timeout_s: seconds after which it is ended.

    Raises:
        EncoderError: where ffmpeg cannot be started, fails, takes too long or says too much.
    """
    with tempfile.TemporaryFile() as words:
        process = _started([executable(), *QUIET, *arguments], words, subprocess.DEVNULL, subprocess.PIPE)
        clock = threading.Timer(timeout_s, kill, (process,))
        clock.start()
        try:
            got = process.stdout.read(most_bytes + 1) if process.stdout else b""
            if len(got) <= most_bytes:
                process.wait()
        finally:
            clock.cancel()
            kill(process)
            process.wait()
        said = _said(words)
    if process.returncode != 0:
        raise EncoderError(one_line(said) if said else f"ffmpeg failed (exit {process.returncode})")
    return got


def _said(words: IO[bytes]) -> str:
    words.seek(0)
    return words.read()[-2000:].decode("utf-8", "replace").strip()


def _wrong(status: int, is_all_taken: bool, target: Path) -> str:
    if status != 0:
        return f"ffmpeg failed (exit {status})"
    if not is_all_taken:
        return "ffmpeg ended before it had all frames"
    return "" if target.is_file() and target.stat().st_size else "ffmpeg wrote nothing"


def _started(command: list[str], words: IO[bytes], stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    try:
        # A session of its own: Ctrl-C in the terminal must stop vgpipe in order, not kill its encoder.
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=words,
            start_new_session=True,
            env={**TERSE, **os.environ},
        )
    except OSError as error:
        raise EncoderError(f"ffmpeg cannot be started: {error}") from error


def _fed(process: subprocess.Popen[bytes], frames_THWC: Frames, watchdog: Watchdog) -> bool:
    """Writes all frames and waits for the end; returns whether ffmpeg took them all."""
    try:
        is_all_taken = all(_taken(process, frame_HWC, watchdog) for frame_HWC in frames_THWC)
        with watchdog.waiting():
            is_all_taken = _closed(process) and is_all_taken
            process.wait()
    except BaseException:
        kill(process)
        _closed(process)
        process.wait()
        raise
    return is_all_taken


def _taken(process: subprocess.Popen[bytes], frame_HWC: np.ndarray, watchdog: Watchdog) -> bool:
    if process.stdin is None:
        return False
    with watchdog.waiting(), suppress(OSError):  # where it has ended, its exit status and words say why
        process.stdin.write(np.ascontiguousarray(frame_HWC).tobytes())
        return True
    return False


def _closed(process: subprocess.Popen[bytes]) -> bool:
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
        return True
    return False
