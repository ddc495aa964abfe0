"""Encodes a few frames with each encoder and decodes them again, because not all that ffmpeg lists works."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.probes import Answer
from vgpipe.exporters.temporary import PREFIX
from vgpipe.owners import owner_name

WIDTH, HEIGHT, FRAMES = 256, 144, 6  # NVIDIA's encoders refuse smaller pictures
LIMIT_S = 60.0
MAX_MEAN_CHANGE = 24  # of 255: the most that lossy coding of a smooth picture may change on average
REINSTALL = "pip install --force-reinstall imageio-ffmpeg"
OWN_FFMPEG = ("VGPIPE_FFMPEG", "IMAGEIO_FFMPEG_EXE")
RENDER_NODE = "/dev/dri/renderD128"


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder to try.

    Attributes:
        name: in the report.
        codec: ffmpeg's name of it.
        suffix: of the file.
        needed: whether vgpipe needs it to write videos.
        needs: what it requires.
        pixels: the pixel format of its input.
        device: ffmpeg's arguments for its device, before all others.
        upload: the filter that uploads frames to it; empty if it reads them from memory.
        is_decoded: whether its file is decoded again; older ffmpegs cannot read animated WebP.
    """

    name: str
    codec: str
    suffix: str = ".mp4"
    needed: bool = False
    needs: str = "a build of ffmpeg with it"
    pixels: str = "yuv420p"
    device: tuple[str, ...] = ()
    upload: str = ""
    is_decoded: bool = True


def _vaapi(name: str, codec: str) -> Encoder:
    return Encoder(
        name,
        codec,
        needs=f"an Intel or AMD GPU at {RENDER_NODE}",
        pixels="",
        device=("-vaapi_device", RENDER_NODE),
        upload="format=nv12,hwupload",
    )


ENCODERS = (
    Encoder("H.264", "libx264", needed=True),
    Encoder("H.265", "libx265"),
    Encoder("AV1", "libsvtav1"),
    Encoder("VP9", "libvpx-vp9", ".webm"),
    Encoder("ProRes", "prores_ks", ".mov", pixels="yuv422p10le"),
    Encoder("FFV1", "ffv1", ".mkv", pixels="bgr0"),
    Encoder("GIF", "gif", ".gif", pixels="rgb8"),
    Encoder("WebP", "libwebp", ".webp", is_decoded=False),
    Encoder("APNG", "apng", ".apng", pixels="rgb24"),
    Encoder("H.264 openh264", "libopenh264"),
    Encoder("MPEG-4", "mpeg4"),
    Encoder("H.264 nvenc", "h264_nvenc", needs="an NVIDIA GPU and its driver"),
    Encoder("H.265 nvenc", "hevc_nvenc", needs="an NVIDIA GPU and its driver"),
    Encoder("AV1 nvenc", "av1_nvenc", needs="an NVIDIA RTX 40 or newer"),
    Encoder("H.264 qsv", "h264_qsv", needs="an Intel GPU and its driver", pixels="nv12"),
    Encoder("H.265 qsv", "hevc_qsv", needs="an Intel GPU and its driver", pixels="nv12"),
    Encoder("AV1 qsv", "av1_qsv", needs="an Intel Arc GPU and its driver", pixels="nv12"),
    _vaapi("H.264 vaapi", "h264_vaapi"),
    _vaapi("H.265 vaapi", "hevc_vaapi"),
    _vaapi("AV1 vaapi", "av1_vaapi"),
    Encoder("H.264 videotoolbox", "h264_videotoolbox", needs="macOS"),
    Encoder("H.265 videotoolbox", "hevc_videotoolbox", needs="macOS"),
)
"""The encoders that exporters use: each kind's own, the fallbacks, and those of hardware."""


def encoder_lines(ffmpeg: Answer) -> list[ReportLine]:
    """Tries every encoder, in temporary folders.

    Args:
        ffmpeg: the answer to `ffmpeg`.

    Returns:
        A line for ffmpeg and for each encoder.
    """
    if not ffmpeg.ok:
        return [
            ReportLine(Section.ENCODERS, "ffmpeg", Status.BROKEN, f"cannot be found: {ffmpeg.error}", _remedy(ffmpeg))
        ]
    exe = ffmpeg.value["exe"]
    with ThreadPoolExecutor(max_workers=4) as pool:
        lines = list(pool.map(lambda encoder: _encoder_line(exe, encoder), ENCODERS))
    return [ReportLine(Section.ENCODERS, "ffmpeg", Status.OK, ffmpeg.value["version"]), *lines]


def _remedy(ffmpeg: Answer) -> str:
    named = next((name for name in OWN_FFMPEG if os.environ.get(name)), None)
    if named:
        return f"correct or unset {named}"
    return "pip install imageio-ffmpeg" if "No module named" in ffmpeg.error else REINSTALL


def _encoder_line(exe: str, encoder: Encoder) -> ReportLine:
    error = try_encoder(exe, encoder)
    if not error:
        found = f"{encoder.codec} encodes, and its file decodes" if encoder.is_decoded else f"{encoder.codec} encodes"
        return ReportLine(Section.ENCODERS, encoder.name, Status.OK, found)
    if encoder.needed:
        return ReportLine(Section.ENCODERS, encoder.name, Status.BROKEN, error, REINSTALL)
    reason = error.partition(": ")[2] or error
    return ReportLine(Section.ENCODERS, encoder.name, Status.ABSENT, f"needs {encoder.needs} ({reason})")


def try_encoder(exe: str, encoder: Encoder) -> str:
    """Encodes a moving picture and decodes it again, in a temporary folder.

    Args:
        exe: the ffmpeg program.
        encoder: what to try.

    Returns:
        Why it does not work, in one line; empty if it works.
    """
    picture, codec = _frames(), encoder.codec
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner_name()}-") as folder:
        video = Path(folder) / f"video{encoder.suffix}"
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "8", "-i", "-"]
        pixels = ["-pix_fmt", encoder.pixels] if encoder.pixels else []
        upload = ["-vf", encoder.upload] if encoder.upload else []
        error, _ = _run([exe, *encoder.device, *source, *upload, "-c:v", codec, *pixels, "-y", str(video)], picture)
        if error or not encoder.is_decoded:
            return f"{codec} does not encode: {error}" if error else ""
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
    return f"the file of {codec} decodes to another picture" if mean > MAX_MEAN_CHANGE else ""


def _frames() -> bytes:
    """Returns a gradient that moves to the right, smooth enough for every codec to preserve it."""
    frames = []
    for frame in range(FRAMES):
        row = bytes(value for x in range(WIDTH) for value in ((x + 8 * frame) // 2 % 256, 96, 160))
        frames.append(row * HEIGHT)
    return b"".join(frames)


def _run(command: list[str], given: bytes) -> tuple[str, bytes]:
    """Returns (the error or nothing, standard output)."""
    command = [command[0], "-hide_banner", "-loglevel", "error", *command[1:]]
    try:
        ran = subprocess.run(command, input=given, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no end after {LIMIT_S:.0f} s", b""
    except OSError as error:
        return error.strerror or str(error), b""
    errors = ran.stderr.decode("utf-8", "replace").strip().splitlines()
    return (_reason(errors) or f"exit code {ran.returncode}" if ran.returncode else ""), ran.stdout


def _reason(errors: list[str]) -> str:
    # The first line is the encoder's own; the others follow from it.
    return errors[0].partition("] ")[2] or errors[0] if errors else ""
