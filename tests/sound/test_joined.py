"""Sound of segments is joined without a click, a gap or a change of loudness."""

import numpy as np
import pytest

from vgpipe.sound.joined import JoinedSound, SoundSpan
from vgpipe.sound.record import Sound, sample_at

RATE, FPS = 24_000, 24.0
FRAME = RATE // 24


def tone(frames, hz=220.0, phase=0.0, first=0, short=0):
    time_S = (np.arange(frames * FRAME - short) + first * FRAME) / RATE
    return Sound(0.5 * np.sin(2 * np.pi * hz * time_S + phase).astype(np.float32)[:, None], RATE)


def joined(*parts, fps=FPS):
    """Joins (sound, first frame, frames, shared frames)."""
    spans = [SoundSpan(lambda sound=sound: sound, *place) for sound, *place in parts]
    return np.concatenate(list(JoinedSound(spans, fps)))


def jump(samples_SC):
    return float(np.abs(np.diff(samples_SC[:, 0])).max())


def test_pieces_of_one_sound_give_that_sound():
    whole = tone(40)
    found = joined((tone(17), 0, 17, 0), (tone(17, first=12), 12, 17, 5), (tone(17, first=23), 23, 17, 6))
    assert found.shape == whole.samples_SC.shape and np.abs(found - whole.samples_SC).max() < 1e-6


@pytest.mark.parametrize("shared", [1, 5])
@pytest.mark.parametrize("short", [0, 480], ids=["whole", "20 ms short"])
def test_strangers_are_joined_without_a_click(shared, short):
    one, other = tone(17, short=short), tone(17, hz=330.0, phase=2.0)
    found = joined((one, 0, 17, 0), (other, 17 - shared, 17, shared))
    assert len(found) == (34 - shared) * FRAME
    assert jump(found) < 1.2 * max(jump(one.samples_SC), jump(other.samples_SC))


def test_loudness_stays_in_the_seam_of_strangers():
    draw = np.random.default_rng(0)
    noises = [Sound(draw.standard_normal((17 * FRAME, 2)).astype(np.float32) * 0.1, RATE) for _ in range(2)]
    found = joined((noises[0], 0, 17, 0), (noises[1], 12, 17, 5))
    seam_SC = found[12 * FRAME : 17 * FRAME]
    assert abs(20 * np.log10(seam_SC.std() / 0.1)) < 0.3  # dB


def test_a_cut_is_faded_for_milliseconds_alone():
    one, other = tone(10, phase=1.5), tone(10, hz=110.0, phase=-1.5)
    found = joined((one, 0, 10, 0), (other, 10, 10, 0))
    assert len(found) == 20 * FRAME and jump(found) < 0.05 < abs(one.samples_SC[-1, 0] - other.samples_SC[0, 0])
    assert np.array_equal(found[: 10 * FRAME - 120], one.samples_SC[:-120])
    assert np.array_equal(found[10 * FRAME + 120 :], other.samples_SC[120:])


def test_a_segment_without_sound_is_silent():
    found = joined((tone(10), 0, 10, 0), (None, 9, 10, 1), (tone(10), 18, 10, 1))
    assert len(found) == 28 * FRAME and not found[10 * FRAME : 18 * FRAME].any() and jump(found) < 0.06
    with pytest.raises(ValueError, match="none of the segments"):
        joined((None, 0, 10, 0))


@pytest.mark.parametrize("fps", [8.0, 23.976, 29.97])
def test_many_segments_do_not_drift(fps):
    parts, frames = [], 9
    for number in range(60):
        count = sample_at(frames, fps, RATE) + 3  # vocoders give a little more
        parts.append(
            (Sound(np.full((count, 1), 0.1, np.float32), RATE), number * (frames - 1), frames, int(number > 0))
        )
    found = joined(*parts, fps=fps)
    assert len(found) == sample_at(59 * 8 + 9, fps, RATE)
    assert np.abs(found - 0.1).max() < 1e-6
