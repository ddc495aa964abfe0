"""Tries LoRAs on a denoiser without weights, before anything starts: what does not fit is refused, the rest reported.

That imports torch and diffusers, so what it finds is noted for later runs.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

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
    found = _tried(checkpoint, pipeline, component, lora, config)
    notes.remember(key, found)
    return found


def _tried(checkpoint: Checkpoint, pipeline: str, component: str, lora: Lora, config: dict[str, Any]) -> str:
    import diffusers

    from vgpipe.models.weights.from_tensors import empty
    from vgpipe.models.weights.lora_plan import plan

    loader = checkpoint.component_class(component)
    if not hasattr(loader, "load_lora_adapter"):
        return ""  # refused where it is loaded
    tensors = tensors_in(Path(lora.path))
    found = plan(getattr(diffusers, pipeline, None), empty(loader, config), component, lora.path, tensors)
    if not found.total and any(name.startswith(f"{SECOND_EXPERT}.") for name in tensors):
        return ""  # it is for the other expert
    return found.told_of_left(component)
