"""Skips repeated work in a VAE's fake run: tiles, chunks of frames, blended rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from vgpipe.planner.profiling.call_cache import CallCache
from vgpipe.planner.profiling.recorder import Recorder

CODERS = ("encoder", "decoder")  # run once per tile and group of frames
TILERS = ("tiled_encode", "tiled_decode")  # run once per group of frames, where a VAE has tiles in time too
BLENDS = {"blend_t": -3, "blend_v": -2, "blend_h": -1}  # loop over frames, rows and columns, once per tile
ROWS = 2  # of such a loop; each row frees what the previous one took
CAUSAL_MASK = "prepare_causal_attention_mask"


def shorten(module: torch.nn.Module, recorder: Recorder) -> None:
    """Makes a VAE run each kind of call once; the results of repeated calls are recreated.

    Args:
        module: a component; changed in place where it is a VAE.
        recorder: records its calls.
    """
    if not hasattr(module, "decode"):
        return
    for name in CODERS:
        coder = getattr(module, name, None)
        if isinstance(coder, torch.nn.Module):
            coder.forward = CallCache(recorder, coder.forward)
    for name in TILERS:
        if hasattr(module, name):
            setattr(module, name, CallCache(recorder, getattr(module, name)))
    for name, axis in BLENDS.items():
        if hasattr(module, name):
            setattr(module, name, CallCache(recorder, partial(_blend, recorder, getattr(module, name), axis)))
    for part in module.modules():
        if hasattr(part, CAUSAL_MASK):
            setattr(part, CAUSAL_MASK, _causal_mask)


def _blend(
    recorder: Recorder,
    original: Callable[..., torch.Tensor],
    axis: int,
    a: torch.Tensor,
    b: torch.Tensor,
    extent: int,
) -> torch.Tensor:
    """Blends the first rows, and counts as many operations for each of the others."""
    work, rows = recorder.tracker.work, min(extent, a.shape[axis], b.shape[axis])
    before = work.kernels
    blended = original(a, b, min(rows, ROWS))
    work.kernels += (work.kernels - before) * max(0, rows - ROWS) / ROWS
    return blended


def _causal_mask(n_frame: int, n_hw: int, dtype: Any, device: Any, batch_size: int | None = None) -> torch.Tensor:
    """Makes the mask of HunyuanVideo 1.5's VAE without writing its rows one by one, which takes no memory."""
    tokens = n_frame * n_hw
    mask = torch.full((tokens, tokens), float("-inf"), dtype=dtype, device=device)
    return mask if batch_size is None else mask.unsqueeze(0).expand(batch_size, -1, -1)
