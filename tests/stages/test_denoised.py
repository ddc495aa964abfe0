"""A draft is made once its preview and a checkpoint that is as far are both in the store."""

from __future__ import annotations

import pytest
import torch

from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.stages.denoised import can_continue, is_denoised, needs_decoding_at_most
from vgpipe.stages.keys import ClipKeys, preview_key
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

LATENTS = Key("denoise", {"seed": 1})
FINAL = ClipKeys(Key("encode", {}), None, LATENTS, Key("decode", {"of": "latents"}), ())
DRAFT = ClipKeys(
    Key("encode", {}), None, LATENTS, Key("decode", {"of": "preview"}), (), preview=preview_key(LATENTS, 4)
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def put(store, key):
    with store.create(key) as writer:
        writer.path("x").write_bytes(b"x")


def checkpoint(store, steps):
    zeros = torch.zeros(1)
    checkpoints.write(store, LATENTS, DenoiseCheckpoint(steps, zeros, {}, zeros.to(torch.uint8)))


def test_a_draft_needs_its_preview_and_a_checkpoint_that_is_as_far(store):
    assert not is_denoised(store, DRAFT) and not can_continue(store, DRAFT)
    put(store, DRAFT.preview)
    assert not is_denoised(store, DRAFT) and not needs_decoding_at_most(store, DRAFT)
    checkpoint(store, 3)
    assert not is_denoised(store, DRAFT)
    checkpoint(store, 5)
    assert is_denoised(store, DRAFT) and needs_decoding_at_most(store, DRAFT)


def test_finished_latents_count_as_a_checkpoint(store):
    put(store, DRAFT.frames)
    assert not needs_decoding_at_most(store, DRAFT)
    put(store, LATENTS)
    assert can_continue(store, DRAFT) and needs_decoding_at_most(store, DRAFT) and not is_denoised(store, DRAFT)


def test_a_clip_that_is_made_to_the_end_has_nothing_to_continue(store):
    assert can_continue(store, FINAL) and not is_denoised(store, FINAL)
    put(store, FINAL.frames)
    assert needs_decoding_at_most(store, FINAL) and not is_denoised(store, FINAL)
