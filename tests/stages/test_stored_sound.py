"""Sound in the artifact of decoded frames."""

import numpy as np
import pytest

from vgpipe.sound.record import Sound
from vgpipe.stages import stored_sound
from vgpipe.store.artifacts import LostArtifact, Store
from vgpipe.store.digest import Key

KEY = Key("decode", {"version": 2})


def stored(root, sound):
    store = Store(root)
    with store.create(KEY) as draft:
        draft.path("frames.npy").write_bytes(b"x")
        if sound is not None:
            stored_sound.save(draft, sound)
    return store.find(KEY)


def test_sound_is_read_as_it_was_written(tmp_path):
    samples_SC = np.linspace(-1.2, 1.2, 60, dtype=np.float32).reshape(30, 2)
    artifact = stored(tmp_path, Sound(samples_SC, 24_000))
    found = stored_sound.read(artifact)
    assert np.array_equal(found.samples_SC, samples_SC) and found.sample_rate_hz == 24_000
    assert artifact.info["sound"] == {"sample_rate_hz": 24_000, "channels": 2, "samples": 30}


def test_frames_without_sound_have_none(tmp_path):
    assert stored_sound.read(stored(tmp_path, None)) is None


def test_damaged_sound_is_lost(tmp_path):
    artifact = stored(tmp_path, Sound(np.zeros((9, 1), np.float32), 24_000))
    artifact.path("sound.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(LostArtifact, match=r"sound\.npy"):
        stored_sound.read(artifact)
