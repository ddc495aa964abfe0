"""The sound of a file: written to a temporary file as raw samples, which ffmpeg reads beside the frames.

Every encoder starts with samples that are no part of the sound (of AAC 1024, of Opus 6.5 ms). MP4 and QuickTime say so
in an edit list, Matroska and WebM as the codec's delay, and what follows the end of the sound is marked likewise:
players leave both out, so that the first sample and the first frame begin together (benchmarks/sound_alignment.py).

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from vgpipe.errors import ExportError
from vgpipe.exporters.temporary import temporary_folder
from vgpipe.sound.track import Track, fitted

VERSION = 1
"""Part of the store keys of files with sound: goes up where the numbers and functions here change their bytes."""
BITS_PER_CHANNEL = {"aac": 128_000, "libopus": 96_000}
"""A second. Of stereo, twice as much: for all but trained ears the original."""
AAC, OPUS, PCM = "aac", "libopus", "pcm_s24le"
PCM_BITS_PER_CHANNEL = 48_000 * 24
KINDS = {"mp4": AAC, "mp4_hevc": AAC, "av1": AAC, "mov_prores": PCM, "webm": OPUS, "ffv1": OPUS}
"""Kind of file -> ffmpeg's name of the encoder of its sound; other kinds hold none."""
STILLS = ("sheet", "last_frame")


@dataclass(frozen=True, slots=True)
class SoundArguments:
    """ffmpeg's arguments for the sound of a file.

    Attributes:
        input: a further input; empty for a file without sound.
        output: take the sound from it, and encode it.
    """

    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ("-an",)


@contextmanager
def soundtrack(
    track: Track | None, encoder: str | None, *, num_frames: int, rate: Fraction, inputs: int
) -> Iterator[SoundArguments]:
    """Yields the arguments by which a file gets sound of exactly its own length.

    Args:
        track: the sound; None for a file without.
        encoder: ffmpeg's name; None where the kind of file holds no sound.
        num_frames: of the file.
        rate: its frames per second.
        inputs: how many inputs ffmpeg has before this one.

    Raises:
        ExportError: where the temporary file cannot be written.
    """
    if track is None or encoder is None:
        yield SoundArguments()
        return
    samples = samples_of(num_frames, rate, track.sample_rate_hz)
    with temporary_folder() as folder:
        path = folder / "sound"
        try:
            with path.open("wb") as file:
                _write(file, track, samples)
        except OSError as error:
            raise ExportError(f"the sound cannot be written to a temporary file: {error}") from error
        layout = f"{track.channels}C" if track.channels > 2 else ("mono", "stereo")[track.channels - 1]
        raw = ("-f", "f32le", "-ar", str(track.sample_rate_hz), "-ch_layout", layout, "-i", str(path))
        bits = BITS_PER_CHANNEL.get(encoder)
        quality = ("-b:a", str(bits * track.channels)) if bits else ()
        yield SoundArguments(raw, ("-map", f"{inputs}:a", "-c:a", encoder, *quality))


def samples_of(num_frames: int, rate: Fraction, sample_rate_hz: int) -> int:
    """Returns how many samples of sound a file has.

    Args:
        num_frames: of the file.
        rate: its frames per second.
        sample_rate_hz: samples a second.
    """
    return round(num_frames * sample_rate_hz / rate)


def _write(file: BinaryIO, track: Track, samples: int) -> None:
    for block_SC in fitted(track, samples):
        file.write(block_SC.astype("<f4", copy=False).tobytes())


def bytes_per_s(kinds: Sequence[str]) -> float:
    """Returns what a second of stereo takes in files of these kinds, in all of them."""
    encoders = (KINDS[kind] for kind in kinds if kind in KINDS)
    return sum(2 * BITS_PER_CHANNEL.get(encoder, PCM_BITS_PER_CHANNEL) / 8 for encoder in encoders)


def sound_notes(kinds: Sequence[str]) -> tuple[str, ...]:
    """Returns a note for each kind of file of a clip with sound that holds none.

    Pictures are named only where no other file has the sound: nobody expects it of them.

    Args:
        kinds: of the files.
    """
    has_sound = any(kind in KINDS for kind in kinds)
    silent = [kind for kind in kinds if kind not in KINDS and not (has_sound and kind in STILLS)]
    return tuple(f"{kind} files hold no sound: the clip's is left out there" for kind in dict.fromkeys(silent))
