"""What is kept of a finished sound."""

from dataclasses import dataclass

import numpy as np
import pytest

from vgpipe.sound.summary import PEAKS, ending_notes, summary_of


@dataclass
class Blocks:
    blocks: list
    sample_rate_hz = 8_000
    channels = 2

    def __iter__(self):
        return iter(self.blocks)


def test_peaks_are_those_of_equal_parts_whatever_the_blocks():
    samples_SC = np.zeros((16_000, 2), np.float32)
    samples_SC[4_000, 1], samples_SC[15_999, 0] = -0.5, 1.5
    for cuts in ((), (1, 3_999, 4_001), range(100, 16_000, 100)):
        found = summary_of(Blocks(np.split(samples_SC, cuts)), 16_000)
        peaks = found.pop("peaks")
        assert found == {"sample_rate_hz": 8_000, "channels": 2, "seconds": 2.0, "peak": 1.5}
        assert len(peaks) == PEAKS and {at: one for at, one in enumerate(peaks) if one} == {40: 50, 159: 100}


def test_a_short_sound_has_a_bar_for_each_sample():
    found = summary_of(Blocks([np.full((3, 2), 0.25, np.float32)]), 3)
    assert found["peaks"] == [25, 25, 25]


@pytest.mark.parametrize(("samples", "notes"), [(4_000, 1), (7_400, 0), (8_000, 0), (9_000, 0)])
def test_silence_at_the_end_is_told_of_where_it_can_be_heard(samples, notes):
    found = summary_of(Blocks([np.full((samples, 2), 0.25, np.float32)]), 8_000)
    assert found["seconds"] == 1.0 and len(ending_notes(found)) == notes
    assert ("given_seconds" in found) == (samples < 8_000)
    assert ending_notes({"seconds": "1", "given_seconds": None}) == ()
