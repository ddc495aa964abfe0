"""The last frames of a segment, in the store."""

from __future__ import annotations

import numpy as np
import pytest

from vgpipe.stages import seams
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

KEY = Key("tail", {"frames": "0", "first": 12, "stop": 17})
FRAMES = np.random.default_rng(0).integers(0, 256, (17, 6, 8, 3), dtype="uint8")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_tail_comes_back_bit_for_bit(store):
    made = seams.write_tail(store, KEY, FRAMES[12:17])
    found = Store(store.root).find(KEY)
    assert made.folder == found.folder
    read = seams.read_tail(found)
    assert read.dtype == np.uint8 and np.array_equal(read, FRAMES[12:17])


def test_a_tail_outlives_the_frames_that_it_was_taken_from(store):
    with store.create(Key("decode", {})) as draft:
        np.save(draft.path("frames.npy"), FRAMES)
    frames = store.find(Key("decode", {}))
    seams.write_tail(store, KEY, np.load(frames.path("frames.npy"), mmap_mode="r")[12:17])
    store.discard(frames.key)
    assert np.array_equal(seams.read_tail(store.find(KEY)), FRAMES[12:17])


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_tail_is_set_aside_and_made_again(store, caplog, damage):
    path = seams.write_tail(store, KEY, FRAMES[12:17]).path(seams.TAIL_FILE)
    path.write_bytes(damage(path.read_bytes()))
    fresh = Store(store.root)
    assert fresh.find(KEY) is None
    assert "set aside" in caplog.text and list(fresh.folder(KEY).parent.glob("bad-*"))
    seams.write_tail(fresh, KEY, FRAMES[12:17])
    assert np.array_equal(seams.read_tail(Store(store.root).find(KEY)), FRAMES[12:17])
