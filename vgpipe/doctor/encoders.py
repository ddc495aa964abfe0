"""Encodes a few frames with each encoder and decodes them again: what ffmpeg lists is not always what works."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vgpipe.doctor.lines import Line, Section, Status
from vgpipe.doctor.probes import Answer

WIDTH, HEIGHT, FRAMES = 256, 144, 6  # NVIDIA's encoders refuse smaller pictures
LIMIT_S = 60.0
FARTHEST = 24  # of 255: what lossy coding of a smooth picture may change on average
REINSTALL = "pip install --force-reinstall imageio-ffmpeg"
OWN_FFMPEG = "IMAGEIO_FFMPEG_EXE"


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder to try.

    Attributes:
        name: as it is shown.
        codecs: ffmpeg's names for it; the first that works is taken.
        suffix: of the file.
        needed: whether vgpipe writes videos with it.
        needs: what it takes to have it.
    """

    name: str
    codecs: tuple[str, ...]
    suffix: str = ".mp4"
    needed: bool = False
    needs: str = "a build of ffmpeg with it"


ENCODERS = (
    Encoder("H.264", ("libx264",), needed=True),
    Encoder("H.265", ("libx265",)),
    Encoder("AV1", ("libsvtav1", "libaom-av1")),
    Encoder("VP9", ("libvpx-vp9",), ".webm"),
    Encoder("H.264 nvenc", ("h264_nvenc",), needs="an NVIDIA GPU and its driver"),
    Encoder("H.265 nvenc", ("hevc_nvenc",), needs="an NVIDIA GPU and its driver"),
    Encoder("AV1 nvenc", ("av1_nvenc",), needs="an NVIDIA RTX 40 or newer"),
)


def encoder_lines(ffmpeg: Answer) -> list[Line]:
    """Tries every encoder, in temporary folders.

    Args:
        ffmpeg: the answer to `ffmpeg`.

    Returns:
        A line for ffmpeg and one for each encoder.
    """
    if not ffmpeg.ok:
        return [Line(Section.ENCODERS, "ffmpeg", Status.BROKEN, f"cannot be found: {ffmpeg.error}", _remedy(ffmpeg))]
    exe = ffmpeg.value["exe"]
    with ThreadPoolExecutor(max_workers=4) as pool:
        lines = list(pool.map(lambda encoder: _encoder_line(exe, encoder), ENCODERS))
    return [Line(Section.ENCODERS, "ffmpeg", Status.OK, ffmpeg.value["version"]), *lines]


def _remedy(ffmpeg: Answer) -> str:
    if os.environ.get(OWN_FFMPEG):
        return f"correct or unset {OWN_FFMPEG}"
    return "pip install imageio-ffmpeg" if "No module named" in ffmpeg.error else REINSTALL


def _encoder_line(exe: str, encoder: Encoder) -> Line:
    error = ""
    for codec in encoder.codecs:
        error = try_encoder(exe, codec, encoder.suffix)
        if not error:
            return Line(Section.ENCODERS, encoder.name, Status.OK, f"{codec} encodes, and its file decodes")
    if encoder.needed:
        return Line(Section.ENCODERS, encoder.name, Status.BROKEN, error, REINSTALL)
    reason = error.partition(": ")[2] or error
    return Line(Section.ENCODERS, encoder.name, Status.ABSENT, f"needs {encoder.needs} ({reason})")


def try_encoder(exe: str, codec: str, suffix: str) -> str:
    """Encodes a moving picture and decodes it again, in a temporary folder.

    Args:
        exe: the ffmpeg program.
        codec: ffmpeg's name of the encoder.
        suffix: of the file, which chooses the container.

    Returns:
        Why it does not work, in one line; empty where it does.
    """
    picture = _frames()
    with tempfile.TemporaryDirectory(prefix="vgpipe-doctor-") as folder:
        video = Path(folder) / f"video{suffix}"
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "8", "-i", "-"]
        error, _ = _run([exe, *source, "-c:v", codec, "-pix_fmt", "yuv420p", "-y", str(video)], picture)
        if error:
            return f"{codec} does not encode: {error}"
        error, decoded = _run([exe, "-i", str(video), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], b"")
    return _difference(codec, error, picture, decoded)


def _difference(codec: str, error: str, picture: bytes, decoded: bytes) -> str:
    if error:
        return f"the file of {codec} does not decode: {error}"
    if len(decoded) != len(picture):
        return f"the file of {codec} decodes to {len(decoded)} bytes instead of {len(picture)}"
    step = 97  # enough samples of every row, column and colour
    pairs = list(zip(picture[::step], decoded[::step], strict=True))
    mean = sum(abs(left - right) for left, right in pairs) / len(pairs)
    return f"the file of {codec} decodes to another picture" if mean > FARTHEST else ""


def _frames() -> bytes:
    """A gradient that moves to the right: smooth, so that every codec keeps it."""
    frames = []
    for frame in range(FRAMES):
        row = bytes(value for x in range(WIDTH) for value in ((x + 8 * frame) // 2 % 256, 96, 160))
        frames.append(row * HEIGHT)
    return b"".join(frames)


def _run(command: list[str], given: bytes) -> tuple[str, bytes]:
    """Returns (what went wrong, standard output)."""
    command = [command[0], "-hide_banner", "-loglevel", "error", *command[1:]]
    try:
        ran = subprocess.run(command, input=given, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {LIMIT_S:.0f} s", b""
    except OSError as error:
        return error.strerror or str(error), b""
    said = ran.stderr.decode("utf-8", "replace").strip().splitlines()
    return (_reason(said) or f"exit code {ran.returncode}" if ran.returncode else ""), ran.stdout


def _reason(said: list[str]) -> str:
    # The first line is the encoder's own; those after it are what followed from it.
    return said[0].partition("] ")[2] or said[0] if said else ""
