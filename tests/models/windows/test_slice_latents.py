"""Pieces of a long clip's latents: they cover it, and each decodes to a clip of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tests.models.long_clips import IMAGES, Setup


def test_all_of_a_clip_is_a_piece_as_it_is(long_clip):
    setup, driven = long_clip
    latents, _ = driven.latents(replace(setup.case, num_inference_steps=2))
    frames = setup.case.num_frames
    assert driven.family.slice_latents(latents, 0, frames, frames) is latents


def test_pieces_cover_a_clip_and_each_decodes_to_its_frames(long_clip):
    setup, driven = long_clip
    latents, request = driven.latents(replace(setup.case, num_inference_steps=2))
    total, stride = setup.case.num_frames, setup.stride
    counts = [2 * stride + 1, 4 * stride + 1, total - 6 * stride]
    firsts = [0, 2 * stride, 6 * stride]
    pieces = [
        driven.family.slice_latents(latents, first, count, total) for first, count in zip(firsts, counts, strict=True)
    ]
    whole = content(setup, latents, total)
    parts = [content(setup, piece, count) for piece, count in zip(pieces, counts, strict=True)]
    again = torch.cat([parts[0], *(part[1:] for part in parts[1:])])
    assert torch.equal(again, whole)
    for piece, count in zip(pieces, counts, strict=True):
        frames = driven.frames(replace(request, latents=piece, num_frames=count))
        assert frames.shape == (count, setup.case.height, setup.case.width, 3)


def content(setup: Setup, latents: torch.Tensor, num_frames: int) -> torch.Tensor:
    """A clip's latent frames, first axis, without padding."""
    own = (num_frames - 1) // setup.stride + 1
    if latents.ndim == 3:
        return latents[0].unflatten(0, (own, -1))
    return latents[0].movedim(0 if setup.family in ("cogvideox", "kandinsky5") else 1, 0)[-own:]


def test_a_piece_of_an_image_model_decodes_to_the_frames_of_the_whole(opened):
    ms = opened("ms")
    latents, request = ms.latents(IMAGES)
    piece = ms.family.slice_latents(latents, 3, 4, 9)
    frames = ms.frames(replace(request, latents=piece, num_frames=4)).astype(int)
    assert np.abs(frames - ms.frames(request)[3:7]).max() <= 1
