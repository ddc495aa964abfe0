"""Tries LoRAs on a denoiser without weights, before anything starts: what does not fit is refused, the rest reported.

That imports torch and diffusers, so what it finds is noted for later runs.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.safetensors_files import tensors_in
from vgpipe.models.weights.lora_names import SECOND_EXPERT
from vgpipe.store.notes import Notes

SCHEMA = 1


def left_out(checkpoint: Checkpoint, pipeline: str, component: str, lora: Lora, notes: Notes) -> str:
    """Returns what of a LoRA is not applied to a denoiser, in words; "" where all of it is.

    Args:
        checkpoint: the model's files.
        pipeline: class in diffusers that reads the LoRA.
        component: the denoiser, a class of diffusers of its own.
        lora: what will be applied.
        notes: what earlier runs found; written to.

    Raises:
        ModelError: where it cannot be applied.
    """
    config = checkpoint.config(component)
    key = {
        "lora_fit": SCHEMA,
        "lora": lora.sha256,
        "component": [component, *checkpoint.index[component]],
        "config": config,
        "pipeline": pipeline,
        "diffusers": metadata.version("diffusers"),
    }
    known = notes.find(key)
    if isinstance(known, str):
        return known
    found = _tried(checkpoint, pipeline, component, lora)
    notes.remember(key, found)
    return found


def _tried(checkpoint: Checkpoint, pipeline: str, component: str, lora: Lora) -> str:
    import diffusers
    import torch

    from vgpipe.models.weights.bounded_build import built_on_meta
    from vgpipe.models.weights.lora_plan import plan

    if not hasattr(checkpoint.component_class(component), "load_lora_adapter"):
        return ""  # refused where it is loaded
    tensors = tensors_in(Path(lora.path))
    module = built_on_meta(checkpoint, component, torch.float32)
    found = plan(getattr(diffusers, pipeline, None), module, component, lora.path, tensors)
    if not found.total and any(name.startswith(f"{SECOND_EXPERT}.") for name in tensors):
        return ""  # it is for the other expert
    return found.told_of_left(component)
