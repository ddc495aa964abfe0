"""Frames and sound of one clip in the one tensor that stages keep between denoising and decoding.

Shape suffixes: T frames, H height, W width, C channels; S samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vgpipe.models.base import Decoded
from vgpipe.sound.record import Sound

if TYPE_CHECKING:
    import torch

FRAMES, SAMPLES, RATE = "frames", "samples", "sample_rate_hz"


def packed(decoded: Decoded) -> torch.Tensor:
    """Returns frames (T, H, W, C) as they are; with sound, the bytes (uint8) of a safetensors file of both."""
    import torch
    from safetensors.torch import save

    frames_THWC = torch.from_numpy(decoded.frames_THWC)
    if decoded.sound is None:
        return frames_THWC
    samples_SC, rate = torch.from_numpy(decoded.sound.samples_SC), torch.tensor(decoded.sound.sample_rate_hz)
    data = save({FRAMES: frames_THWC.contiguous(), SAMPLES: samples_SC.contiguous(), RATE: rate})
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def unpacked(tensor: torch.Tensor) -> Decoded:
    """Returns what `packed` was given."""
    if tensor.ndim != 1:
        return Decoded(tensor.numpy())
    from safetensors.torch import load

    parts = load(tensor.numpy().tobytes())
    return Decoded(parts[FRAMES].numpy(), Sound(parts[SAMPLES].numpy(), int(parts[RATE])))
