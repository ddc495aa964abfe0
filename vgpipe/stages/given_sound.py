"""The sound file that is laid under a clip, read by ffmpeg.

The file may be anybody's: ffmpeg is given its container rather than guessing it, and opens neither playlists nor other
files, with the decoders of a few codecs and limits to time, memory and the length of what it writes. Samples go
through a temporary file at 48 kHz, the rate of video, in one channel or two: so many as the file has, more are mixed.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import EncoderError, EncoderInterrupted, ExportError, ModelError
from vgpipe.exporters.temporary import temporary_folder
from vgpipe.job.clip import Clip
from vgpipe.job.sound_file import SOUND
from vgpipe.stages.given_media import checked_media
from vgpipe.units import GIB

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Part of the keys of files with sound of a file: goes up where other samples of it are taken."""
RATE_HZ = 48_000
CODECS = (
    "pcm_s16le pcm_s24le pcm_s32le pcm_f32le pcm_f64le pcm_u8 pcm_s8 pcm_s16be pcm_s24be pcm_s32be pcm_f32be pcm_f64be "
    "pcm_alaw pcm_mulaw adpcm_ms adpcm_ima_wav flac alac mp3float mp3 aac vorbis libvorbis opus libopus"
)
MAX_MEMORY_BYTES = 2 * GIB
TIMEOUT_S = 120.0
BLOCK_SAMPLES = 1 << 16
HEAD = struct.Struct(">4sIIIII")
"""Of Sun's AU format: magic, where samples begin, their bytes, encoding, rate and channels."""
BYTES_PER_SAMPLE = 4
CHECKED_S = 1.0
REMEDY = "save it as WAV, or name another file"


@dataclass(frozen=True, slots=True)
class FileTrack:
    """A track that lies in a file of Sun's AU format, 32-bit floats.

    Attributes:
        path: the file.
        offset: where its samples begin.
        sample_rate_hz: samples a second.
        channels: one or two.
    """

    path: Path
    offset: int
    sample_rate_hz: int
    channels: int

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields blocks (S, C) float32."""
        import numpy as np

        with self.path.open("rb") as file:
            file.seek(self.offset)
            while data := file.read(BLOCK_SAMPLES * self.channels * BYTES_PER_SAMPLE):
                whole = len(data) // (self.channels * BYTES_PER_SAMPLE) * self.channels * BYTES_PER_SAMPLE
                yield np.frombuffer(data[:whole], ">f4").reshape(-1, self.channels).astype(np.float32)


@contextmanager
def opened_sound(clip: Clip) -> Iterator[FileTrack]:
    """Yields the sound of a clip's file, no longer than the clip, from a temporary file.

    Raises:
        ModelError: where the file has gone or changed since the job was read, or cannot be decoded.
        ExportError: where the temporary file cannot be written.
    """
    with temporary_folder() as folder:
        yield _decoded(clip, folder, clip.num_frames / clip.fps + 1)


def check_sound(clip: Clip) -> None:
    """Checks that a clip's sound file can be decoded, by its first second.

    Raises:
        ModelError: where the file has gone or changed since the job was read, or cannot be decoded.
        ExportError: where the temporary file cannot be written.
    """
    with temporary_folder() as folder:
        _decoded(clip, folder, CHECKED_S)


def _decoded(clip: Clip, folder: Path, seconds: float) -> FileTrack:
    from vgpipe.exporters.ffmpeg import convert, one_line  # keys need the version above alone

    path, name = checked_media(SOUND, clip.audio or "", clip.audio_sha256)
    target = folder / "sound.au"
    arguments = [
        *("-nostdin", "-protocol_whitelist", "file", "-format_whitelist", name, "-f", name),
        *("-codec_whitelist", CODECS.replace(" ", ",")),
        *("-i", f"file:{path}", "-map", "0:a:0", "-map_metadata", "-1", "-t", f"{seconds:.6f}"),
        *("-af", f"aformat=sample_rates={RATE_HZ}:channel_layouts=mono|stereo", "-c:a", "pcm_f32be", "-f", "au", "-y"),
    ]
    try:
        convert(arguments, target=target, timeout_s=TIMEOUT_S, max_memory_bytes=MAX_MEMORY_BYTES)
    except EncoderInterrupted as error:  # which says nothing of the file
        raise ExportError(f"audio {clip.audio} was not read: {one_line(str(error))}") from error
    except EncoderError as error:
        raise ModelError(f"audio {clip.audio} cannot be read: {one_line(str(error))} -> {REMEDY}") from error
    with target.open("rb") as file:
        _magic, offset, _size, _encoding, rate, channels = HEAD.unpack(file.read(HEAD.size))
    if target.stat().st_size <= offset:
        raise ModelError(f"audio {clip.audio} cannot be read: there is no sound in it -> {REMEDY}")
    return FileTrack(target, offset, rate, channels)
