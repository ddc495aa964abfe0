"""A tiny random AnyFlow checkpoint: Wan's text encoder and VAE, and a transformer that is told where a step ends."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny import wan


def anyflow_wan(folder: Path) -> Path:
    """Saves what diffusers' converter makes of nvidia/AnyFlow-Wan2.1-T2V-1.3B-Diffusers."""
    from diffusers import AnyFlowPipeline, AnyFlowTransformer3DModel, FlowMapEulerDiscreteScheduler

    torch.manual_seed(0)
    transformer = AnyFlowTransformer3DModel(**wan.sizes()).eval()
    parts = {**wan.shared_parts(folder), "scheduler": FlowMapEulerDiscreteScheduler(shift=5.0)}
    AnyFlowPipeline(**parts, transformer=transformer).save_pretrained(folder)
    return wan.as_published(folder)
