from __future__ import annotations

import pytest
import torch

from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.stages.store_check import check_store
from vgpipe.store.artifacts import RECORD_NAME, Store
from vgpipe.store.digest import Key

KEY = Key("denoise", {"seed": 1})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    with store.create(KEY) as draft:
        draft.path("data").write_bytes(b"latents")
    checkpoints.write(store, KEY, DenoiseCheckpoint(3, torch.ones(2, 3), {"step": 3}, torch.ones(4, dtype=torch.uint8)))
    return store


def flip(path):
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(data)


def test_a_whole_store_is_left_as_it_is(store):
    (store.root / "memory-notes.jsonl").write_text("{}\n")
    (store.root / "denoise" / "aa" / ".tmp-x").mkdir(parents=True)
    checked = list(check_store(store.root))
    assert [one.damage for one in checked] == ["", ""] and sum(one.bytes for one in checked) > 7
    assert store.find(KEY) is not None and checkpoints.done_steps(checkpoints.path_of(store, KEY)) == 3


@pytest.mark.parametrize("part", ["data", RECORD_NAME, "checkpoint"])
def test_what_is_damaged_is_named_and_set_aside(store, part):
    path = checkpoints.path_of(store, KEY)
    flip(path if part == "checkpoint" else store.folder(KEY) / part)
    (damaged,) = [one for one in check_store(store.root) if one.damage]
    assert damaged.aside is not None and damaged.aside.exists() and not damaged.path.exists()
    assert damaged.name == f"{'checkpoint' if part == 'checkpoint' else 'denoise'} {KEY.digest[:12]}"
    assert "checksum" in damaged.damage and all(not one.damage for one in check_store(store.root))
