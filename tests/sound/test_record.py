"""What a sound is, and where its frames begin."""

import numpy as np
import pytest

from vgpipe.sound.record import Sound, sample_at


def test_a_sound_knows_its_channels():
    assert Sound(np.zeros((3, 2), np.float32), 24_000).channels == 2


@pytest.mark.parametrize(
    ("frame", "fps", "rate", "sample"),
    [(0, 8.0, 48_000, 0), (33, 24.0, 24_000, 33_000), (1, 29.97, 48_000, 1602), (10**7, 23.976, 44_100, 18393393393)],
)  # fmt: skip
def test_a_frame_begins_at_the_nearest_sample(frame, fps, rate, sample):
    assert sample_at(frame, fps, rate) == sample
