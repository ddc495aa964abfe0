"""A silent sound and one that is too loud are found, and others are not."""

import numpy as np
import pytest

from vgpipe.config.load import load
from vgpipe.quality.checking import judge
from vgpipe.quality.sound_checks import sound_numbers
from vgpipe.quality.verdict import Result

TONE_SC = np.sin(np.arange(48_000) / 20)[:, None].repeat(2, 1).astype(np.float32)


def judged(samples_SC, preset="standard"):
    limits = load([f"checks={preset}"]).checks.limits
    verdicts = judge(sound_numbers(samples_SC), limits, is_canary=False, wants_stillness=False)
    return {one.check: one.result for one in verdicts if one.result is not Result.PASSED}


@pytest.mark.parametrize("level", [0.003, 0.1, 1.0])
def test_sound_of_any_level_is_good(level):
    assert judged(TONE_SC * level) == {}


def test_a_dead_vocoder_and_a_loud_one_are_reported_and_strictly_rejected():
    faults = {"silence": TONE_SC * 0, "sound_clipped": TONE_SC * 2}
    for check, samples_SC in faults.items():
        assert judged(samples_SC) == {check: Result.WARNED}
        assert judged(samples_SC, "strict") == {check: Result.FAILED}


def test_flat_tops_are_counted_and_peaks_are_not():
    samples_SC = np.zeros((100, 2), np.float32)
    samples_SC[10:12, 0] = samples_SC[97:, 0] = samples_SC[:4, 1] = -1.0
    assert sound_numbers(samples_SC) == {"silence": 1.0, "sound_clipped": 7 / 200}
    assert sound_numbers(samples_SC[:0]) == {}
