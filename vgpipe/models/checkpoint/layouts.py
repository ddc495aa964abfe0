"""Refuses weights in a layout that loading does not read, by name and before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.checkpoint.safetensors_files import TensorFacts
from vgpipe.models.checkpoint.tensor_names import is_adapter, is_originals, quantization_of, scaled_weights
from vgpipe.typed import as_typed

# What diffusers converts from the authors' names, by the start of the class.
CONVERTED = (
    "Wan",
    "HunyuanVideoTransformer",
    "LTXVideo",
    "Mochi",
    "Cosmos",
    "AutoencoderKL",
    "UNet2D",
    "MotionAdapter",
)


def refuse_layout(
    component: str, class_name: str, place: Path, tensors: Mapping[str, TensorFacts], *, is_single_file: bool
) -> None:
    """Refuses weights that are quantized or named in a way that loading does not read.

    Args:
        component: its name in model_index.json.
        class_name: in diffusers or transformers, of the component.
        place: its folder or file, for the message.
        tensors: name -> facts of its files.
        is_single_file: whether they are one file, which may be named in the authors' way.

    Raises:
        LoadError: naming the layout and what to do.
    """
    if is_adapter(tensors):
        remedy = as_typed("model.loras", [{"id": str(place)}]) if is_single_file else "take the model's own weights"
        raise LoadError(f"{component}: {place} is an adapter of weights (LoRA), no {class_name} -> {remedy}", component)
    quantizer = quantization_of(tensors)
    if quantizer:
        raise LoadError(
            f"{component}: {place} is quantized as {quantizer} stores it, which is not read -> take its weights in 16 "
            f"bits or fp8, and store them smaller with memory.weights.{component}=fp8",
            component,
        )
    try:
        scaled_weights(tensors)
    except ModelError as error:
        raise LoadError(f"{component}: {place}: {error}", component) from None
    if not is_single_file and is_originals(tensors, class_name):
        raise LoadError(
            f"{component}: {place}: its tensors are named as ComfyUI or the model's authors name them, not as "
            f"{class_name} does -> {_remedy(component, class_name, place)}",
            component,
        )


def _remedy(component: str, class_name: str, place: Path) -> str:
    files = sorted(path.name for path in place.glob("*.safetensors"))
    if class_name.startswith(CONVERTED) and len(files) == 1:
        return single_file_override(component, place / files[0])
    return "take this component from a checkpoint in diffusers layout (on the hub, such repos often end in -Diffusers)"


def single_file_override(component: str, path: Path) -> str:
    """Returns what to type so that a component is taken from a single file."""
    return as_typed(f"+model.components.{component}", {"id": str(path.parent), "file": path.name})
