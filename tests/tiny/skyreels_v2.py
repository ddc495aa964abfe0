"""A tiny random SkyReels-V2 checkpoint with diffusion forcing."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny import wan


def df_1_3b(folder: Path) -> Path:
    """Saves the layout of Skywork/SkyReels-V2-DF-1.3B-540P-Diffusers, whose transformer is told of the frame rate."""
    from diffusers import SkyReelsV2DiffusionForcingPipeline, SkyReelsV2Transformer3DModel

    torch.manual_seed(0)
    transformer = SkyReelsV2Transformer3DModel(**wan.sizes(), inject_sample_info=True).eval()
    parts = wan.shared_parts(folder)
    SkyReelsV2DiffusionForcingPipeline(**parts, transformer=transformer).save_pretrained(folder)
    return wan.as_published(folder)
