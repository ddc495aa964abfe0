"""Frames and sound in one tensor."""

from __future__ import annotations

import numpy as np
import torch

from vgpipe.models.base import Decoded
from vgpipe.models.pipeline.packed_video import packed, unpacked
from vgpipe.sound.record import Sound

FRAMES_THWC = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)


def test_frames_alone_stay_as_they_are():
    tensor = packed(Decoded(FRAMES_THWC))
    assert torch.equal(tensor, torch.from_numpy(FRAMES_THWC))
    assert np.array_equal(unpacked(tensor).frames_THWC, FRAMES_THWC) and unpacked(tensor).sound is None


def test_sound_comes_back_with_its_rate():
    samples_SC = np.linspace(-1, 1, 14, dtype=np.float32).reshape(7, 2)
    tensor = packed(Decoded(FRAMES_THWC, Sound(samples_SC, 44_100)))
    assert tensor.dtype == torch.uint8 and tensor.ndim == 1
    made = unpacked(tensor)
    assert np.array_equal(made.frames_THWC, FRAMES_THWC)
    assert np.array_equal(made.sound.samples_SC, samples_SC) and made.sound.sample_rate_hz == 44_100
