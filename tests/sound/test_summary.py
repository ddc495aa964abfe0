"""What is kept of a finished sound."""

import numpy as np

from vgpipe.sound.summary import PEAKS, summary_of


def test_peaks_are_those_of_equal_parts_whatever_the_blocks():
    samples_SC = np.zeros((16_000, 2), np.float32)
    samples_SC[4_000, 1], samples_SC[15_999, 0] = -0.5, 1.5
    for cuts in ((), (1, 3_999, 4_001), range(100, 16_000, 100)):
        found = summary_of(np.split(samples_SC, cuts), samples=16_000, sample_rate_hz=8_000, channels=2)
        peaks = found.pop("peaks")
        assert found == {"sample_rate_hz": 8_000, "channels": 2, "seconds": 2.0, "peak": 1.5}
        assert len(peaks) == PEAKS and {at: one for at, one in enumerate(peaks) if one} == {40: 50, 159: 100}


def test_a_short_sound_has_a_bar_for_each_sample():
    found = summary_of([np.full((3, 1), 0.25, np.float32)], samples=3, sample_rate_hz=8_000, channels=1)
    assert found["peaks"] == [25, 25, 25]
