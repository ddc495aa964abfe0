"""Sound is cut or padded to a number of samples."""

import numpy as np
import pytest

from vgpipe.sound.track import exactly, fade_samples

RATE = 8_000
TONE_SC = np.sin(np.arange(4_000) / 7).astype(np.float32)[:, None].repeat(2, 1)


def fit(samples, *cuts, source=TONE_SC):
    return np.concatenate(list(exactly(np.split(source, cuts), samples, RATE, 2)))


@pytest.mark.parametrize("cuts", [(), (10, 11, 3_990), (1_000, 2_000, 3_000)])
@pytest.mark.parametrize("samples", [1, 39, 2_000, 3_999, 4_000])
def test_what_is_too_long_is_cut_and_nothing_else_changes(samples, cuts):
    assert np.array_equal(fit(samples, *cuts), TONE_SC[:samples])


@pytest.mark.parametrize("cuts", [(), (3_999,), (1_000, 2_000, 3_990)])
@pytest.mark.parametrize("samples", [4_001, 30_000])
def test_what_is_too_short_fades_out_and_is_followed_by_silence(samples, cuts):
    found, fade = fit(samples, *cuts), fade_samples(RATE)
    assert len(found) == samples and not found[4_000:].any()
    assert np.array_equal(found[: 4_000 - fade], TONE_SC[: 4_000 - fade])
    assert np.abs(np.diff(found[:, 0])).max() <= np.abs(np.diff(TONE_SC[:, 0])).max() + 1 / fade


def test_no_sound_is_silence():
    assert np.array_equal(np.concatenate(list(exactly([], 9, RATE, 1))), np.zeros((9, 1)))
