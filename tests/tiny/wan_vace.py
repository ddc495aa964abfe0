"""A tiny random checkpoint of Wan VACE, in the layout of the real repo."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny.wan import as_published, shared_parts, sizes


def vace_1_3b(folder: Path) -> Path:
    """Wan 2.1 VACE 1.3B: every second layer is conditioned on 96 channels of video and mask."""
    from diffusers import WanVACEPipeline, WanVACETransformer3DModel

    torch.manual_seed(0)
    transformer = WanVACETransformer3DModel(**sizes(), vace_layers=[0], vace_in_channels=96)
    WanVACEPipeline(**shared_parts(folder), transformer=transformer.eval()).save_pretrained(folder)
    return as_published(folder)
