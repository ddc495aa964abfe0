"""Refuses weights in a layout that loading does not read, by name and before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.checkpoint.safetensors_files import TensorFacts
from vgpipe.models.checkpoint.tensor_names import is_adapter, is_originals, quantization_of, scaled_weights
from vgpipe.typed import as_typed

# What is converted from the authors' names (`models/weights/conversions.py`), by the start of the class.
CONVERTED = (
    "WanTransformer", "WanVACE", "WanAnimate", "SkyReelsV2", "ChronoEdit", "HunyuanVideoTransformer", "LTXVideo",
    "LTX2Video", "Mochi", "Cosmos", "AutoencoderKLWan", "AutoencoderKLLTX", "AutoencoderKLHunyuanVideo", "UNet2D",
    "MotionAdapter", "T5Encoder", "UMT5Encoder",
)  # fmt: skip
SAME_CLASS = ("AutoencoderKL",)
GGUF_TEXT = ("T5Encoder", "UMT5Encoder")


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
    if is_originals(tensors, class_name) and not (is_single_file and is_converted(class_name)):
        raise LoadError(
            f"{component}: {place}: its tensors are named as ComfyUI or the model's authors name them, not as "
            f"{class_name} does -> {_remedy(component, class_name, place)}",
            component,
        )


def refuse_gguf(component: str, class_name: str, place: Path) -> None:
    """Refuses a GGUF file for a class that none is read for.

    Args:
        component: its name in model_index.json.
        class_name: in diffusers or transformers.
        place: the file.

    Raises:
        LoadError: naming what to do.
    """
    is_text = component.startswith("text_encoder")
    if is_text and not class_name.startswith(GGUF_TEXT):
        reason = (
            f"of text encoders, {' and '.join(GGUF_TEXT)}Model are read from GGUF files, and this is a {class_name}"
        )
    elif not is_text and (not class_name.startswith(CONVERTED) or class_name.startswith("Autoencoder")):
        reason = f"{class_name} is not loaded from a GGUF file"
    else:
        return
    key = f"memory.weights.{component}"
    raise LoadError(f"{component}: {place}: {reason} -> leave it out, and {key}=fp8 or another method", component)


def is_converted(class_name: str) -> bool:
    """Returns whether the authors' names of a class's weights are converted to its own."""
    return class_name.startswith(CONVERTED) or class_name in SAME_CLASS


def _remedy(component: str, class_name: str, place: Path) -> str:
    files = sorted(path.name for path in place.glob("*.safetensors")) if place.is_dir() else []
    if is_converted(class_name) and len(files) == 1:
        return single_file_override(component, place / files[0])
    return "take this component from a checkpoint in diffusers layout (on the hub, such repos often end in -Diffusers)"


def single_file_override(component: str, path: Path) -> str:
    """Returns what to type so that a component is taken from a single file."""
    return as_typed(f"+model.components.{component}", {"id": str(path.parent), "file": path.name})
