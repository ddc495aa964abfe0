"""What a finished file's sound looks like: its length, its level, and peaks to draw it by.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgpipe.sound.track import Track

PEAKS = 160
"""How many bars a waveform has, at most."""
FULL_SCALE = 100
MISSED_S = 0.1
"""Seconds of silence at the end of a clip from which on a note says so; vocoders leave a few milliseconds."""


def summary_of(track: Track, samples: int) -> dict[str, Any]:
    """Returns what a record says of the sound of a file, as plain values; holds no more than one block.

    Args:
        track: the sound as it was given.
        samples: those that are in the file: the track is cut there, or silence follows it.

    Returns:
        `sample_rate_hz`, `channels`, `seconds`, `given_seconds` (of the track, where silence follows it), `peak` (of
        full scale), and `peaks`: the largest magnitude within each of equally long parts, in hundredths of full scale,
        at most 100.
    """
    import numpy as np

    count = max(1, min(PEAKS, samples))
    highest = np.zeros(count)
    done = 0
    for whole_SC in track:
        block_SC = whole_SC[: samples - done]
        if not len(block_SC):
            continue
        loud_S = np.abs(block_SC).max(axis=1)
        part_S = (done + np.arange(len(loud_S))) * count // max(1, samples)
        starts = np.flatnonzero(np.diff(part_S, prepend=-1))
        np.maximum.at(highest, part_S[starts].clip(0, count - 1), np.maximum.reduceat(loud_S, starts))
        done += len(loud_S)
    rate = track.sample_rate_hz
    return {
        "sample_rate_hz": rate,
        "channels": track.channels,
        "seconds": round(samples / rate, 6),
        **({"given_seconds": round(done / rate, 6)} if done < samples else {}),
        "peak": round(float(highest.max()), 4),
        "peaks": [int(one) for one in (highest.clip(0, 1) * FULL_SCALE).round()],
    }


def ending_notes(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns a note where silence follows a sound that is shorter than its clip.

    Args:
        summary: what `summary_of` gave.
    """
    seconds, given = summary.get("seconds"), summary.get("given_seconds")
    if not isinstance(seconds, float) or not isinstance(given, float) or seconds - given < MISSED_S:
        return ()
    return (f"the sound ends after {given:.2f} s of {seconds:.2f} s: silence follows",)
