"""Loads one component of a checkpoint, or explains in one message why it cannot."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from vgpipe.errors import LoadError, ModelError, OutOfMemory, PrecisionError, StoreError, first_line
from vgpipe.hardware.out_of_memory import is_out_of_memory
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.library_versions import refuse_unread, remedy_for_newer
from vgpipe.models.weights import converted_files, from_tensors, layerwise_cast, loras
from vgpipe.models.weights.pretrained import (
    bars_hidden,
    copy_out_of_files,
    dtype_keyword,
    kept_in_float32,
    no_code,
    refuse_misfit,
)
from vgpipe.models.weights.quantize import GGUF_FILE, is_of_diffusers, load_quantized
from vgpipe.models.weights.text_processors import is_processor, open_text_processor
from vgpipe.store.digest import digest_of
from vgpipe.vocabulary import FP8

log = logging.getLogger(__name__)

BUILT: set[str] = set()
"""Digests of the configs that this process has built without weights, beside weights of fitting size."""

PANIC = "PanicException"  # what a damaged tokenizer.json raises in Rust: no `Exception`, and no module exports it


def load_component(
    checkpoint: Checkpoint, component: str, settings: Settings, device: str, convert_in: Path | None = None
) -> Any:
    """Loads one component, ready for inference.

    Args:
        checkpoint: the model's files; those of the component are on the disk.
        component: its name in model_index.json.
        settings: precision, variant and quantisation; ignored for tokenizers.
        device: torch device string.
        convert_in: folder for a converted copy of its files, so that RAM never holds all of it; None converts in RAM.
            For weights that go to files, and only to `cpu`.

    Returns:
        A diffusers or transformers object; modules are in eval mode on `device`. What is to be stored as fp8 and gets
        LoRAs first is still native, in RAM.

    Raises:
        OutOfMemory: where it does not fit; nothing of it is left.
        StoreError: where the copy cannot be written.
        LoadError: naming the component and file, where it cannot be loaded.
    """
    import torch

    from vgpipe.models.weights import bounded_build

    try:
        checkpoint.vet(component)
        loader = checkpoint.component_class(component)
        place = checkpoint.source(component).place
        if is_processor(component, checkpoint.class_name(component)):
            return open_text_processor(checkpoint.class_name(component), place)
        if not issubclass(loader, torch.nn.Module):
            chosen = fitting_class(loader, place)
            return chosen.from_pretrained(str(place), local_files_only=True, **no_code(chosen))
        refuse_unread(checkpoint, component)
        _refuse_oversized(checkpoint, component)
        with bounded_build.bounded(checkpoint, component), bars_hidden():
            module = _load_module(checkpoint, component, loader, settings, device, convert_in)
    except (ModelError, StoreError):
        raise
    except Exception as error:  # the libraries raise anything from OSError to SafetensorError
        raise _explained(checkpoint, component, error, device) from error
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise _explained(checkpoint, component, error, device) from None
    checkpoint.check_unchanged(component, settings.variant)
    return module


def _refuse_oversized(checkpoint: Checkpoint, component: str) -> None:
    """Builds a module without weights first, as some versions of the libraries build it with memory for them."""
    import torch

    from vgpipe.models.weights import bounded_build

    known = digest_of([checkpoint.index[component], checkpoint.config(component), checkpoint.weight_bytes(component)])
    if known in BUILT:
        return
    try:
        bounded_build.built_on_meta(checkpoint, component, torch.float32)
        BUILT.add(known)
    except ModelError:
        raise
    except Exception as error:  # a class that cannot be built so may be loaded all the same
        log.debug("%s cannot be built without weights: %s", component, error)


def _explained(checkpoint: Checkpoint, component: str, error: BaseException, device: str) -> ModelError:
    if is_out_of_memory(error):
        reason = f"{component} does not fit into the memory of {device} ({first_line(error)})"
        return OutOfMemory(
            f"{reason} -> memory=leaf_offload, or lower precision: memory.weights.{component}=fp8", component
        )
    reason = _failure(checkpoint, component, error)
    if re.search(r"(half|float16|bfloat16).*(not (supported|implemented)|unsupported)", str(error).lower()):
        return PrecisionError(reason)
    return LoadError(reason, component)


def fitting_class(loader: Any, place: Path) -> Any:
    """Returns the class that reads the files of a tokenizer: `loader`, or its fast one.

    Args:
        loader: the class that model_index.json names.
        place: the tokenizer's folder.
    """
    # transformers 4 has two classes of most tokenizers, and what transformers 5 saves is for the fast one alone.
    import transformers

    read = set(getattr(loader, "vocab_files_names", {}).values())
    if not (place / "tokenizer.json").is_file() or any((place / name).is_file() for name in read):
        return loader
    return loader if "tokenizer.json" in read else getattr(transformers, f"{loader.__name__}Fast", loader)


def _load_module(
    checkpoint: Checkpoint, component: str, loader: Any, settings: Settings, device: str, convert_in: Path | None
) -> Any:
    import torch

    source = checkpoint.source(component)
    dtype = getattr(torch, settings.dtype_of(component))
    method = settings.quantization.get(component)
    variant = settings.variant if settings.variant and checkpoint.has_variant(component, settings.variant) else None
    _refuse_layout(checkpoint, component, variant)
    is_gguf = (source.file or "").endswith(GGUF_FILE)
    if (is_gguf and is_of_diffusers(loader)) or (not is_gguf and method not in (None, FP8)):
        return load_quantized(checkpoint, component, loader, method, dtype, device, variant=variant)
    if source.file:
        paths, part = [source.folder / source.file], checkpoint.part(component)
        module = from_tensors.build(loader, checkpoint.folder / component, paths, dtype, part)
    elif checkpoint.scales(component, variant):
        module = from_tensors.build(loader, source.place, checkpoint.weight_paths(component, variant), dtype)
    elif convert_in is None:
        module = _from_pretrained(loader, source.place, dtype, variant)
    else:
        paths, kept = checkpoint.weight_paths(component, variant), kept_in_float32(loader, dtype)
        with converted_files.converted(source.place, paths, dtype, kept, convert_in) as place:
            module = _from_pretrained(loader, place, dtype, variant)
        if place != source.place:
            converted_files.aligned(module)
    if method != FP8:
        return module.to(device).eval()
    if gets_adapters(loader, component, settings):
        return module.eval()
    return layerwise_cast.cast(module, dtype).to(device).eval()


def _refuse_layout(checkpoint: Checkpoint, component: str, variant: str | None) -> None:
    try:  # again: the files of a repo were not here when the run began
        checkpoint.refuse_layout(component, variant)
    except LoadError:
        raise
    except ModelError as error:
        raise LoadError(f"{component} cannot be loaded: {error}", component) from None


def _from_pretrained(loader: Any, place: Path, dtype: Any, variant: str | None) -> Any:
    module, info = loader.from_pretrained(
        str(place),
        output_loading_info=True,
        use_safetensors=True,
        local_files_only=True,
        variant=variant,
        **{dtype_keyword(loader): dtype},
        **no_code(loader),
    )
    refuse_misfit(info, module)
    copy_out_of_files(module, dtype)
    return module


def gets_adapters(loader: Any, component: str, settings: Settings) -> bool:
    """Returns whether LoRAs will be applied to a component; they must be before its layers are cast to float8.

    Args:
        loader: its class.
        component: its name in model_index.json.
        settings: with the LoRAs.
    """
    return hasattr(loader, "load_lora_adapter") and bool(loras.chosen(settings.loras, component))


def _failure(checkpoint: Checkpoint, component: str, error: BaseException) -> str:
    source = checkpoint.source(component)
    place = source.folder / source.file if source.file else source.place
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". If you want")[0]
    remedy = _remedy(error) + remedy_for_newer(checkpoint, component)
    return f"{component} cannot be loaded from {place}: {reason} -> {remedy}"


def _remedy(error: BaseException) -> str:
    if isinstance(error, ImportError):
        return "install what it names; python -m vgpipe doctor says how"
    if "fit nothing" in str(error):
        return "take weights of the model that its config.json describes, or a newer version of the library"
    if "in their place" in str(error):
        return "take weights in the layout that save_pretrained writes"
    if "shape" in str(error):
        return "its weights are not of the model that its config.json describes: copy or download both again"
    return "copy or download the checkpoint again"
