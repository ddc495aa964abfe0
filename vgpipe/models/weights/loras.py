"""Applies low-rank adapters to a denoiser, as the stock pipeline's `load_lora_weights` and `set_adapters` do.

`load_lora_weights` itself wants the pipeline's other components too, and writes into the first of two experts only.
So its two halves are called one by one: the pipeline class reads and renames the file's tensors, the denoiser takes
those that are its own.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.safetensors_files import check_complete

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

SECOND_EXPERT = "transformer_2"
TEXT_ENCODER_STARTS = ("text_encoder", "lora_te", "te1_", "te2_", "cond_stage_model.", "text_encoders.")
METADATA_KEY = "lora_adapter_metadata"


class Adapter(NamedTuple):
    """What a LoRA's file holds, named as diffusers names it.

    Attributes:
        tensors: name -> tensor; names begin with the component.
        alphas: name -> network alpha, of files in kohya's layout; None elsewhere.
        metadata: settings of the adapter that diffusers wrote into the file; None elsewhere.
    """

    tensors: dict[str, torch.Tensor]
    alphas: dict[str, float] | None
    metadata: dict[str, Any] | None


def chosen(loras: Sequence[Lora], component: str) -> tuple[Lora, ...]:
    """Returns the LoRAs that are for a denoiser, in order."""
    return tuple(lora for lora in loras if lora.component in (None, component))


def check(loras: Sequence[Lora], denoisers: Sequence[str]) -> None:
    """Checks, without loading anything heavy, that LoRAs can be applied and that their files are whole.

    Args:
        loras: what will be applied.
        denoisers: the model's own.

    Raises:
        ModelError: naming the missing package, the file, or the denoiser that the model lacks.
    """
    if loras and importlib.util.find_spec("peft") is None:
        raise ModelError('model.loras: needs the package peft -> pip install "vgpipe[lora]"')
    for lora in loras:
        check_complete(Path(lora.path), "model.loras")
        if lora.component not in (None, *denoisers):
            raise ModelError(
                f"model.loras: {lora.path}: component={lora.component}, and this model has {', '.join(denoisers)} -> "
                "name one of these, or leave it out for all"
            )


def apply(pipeline: Any, loras: Sequence[Lora], component: str) -> None:
    """Applies LoRAs to one denoiser, in order, each with its weight.

    Args:
        pipeline: stock pipeline that holds the denoiser; its other components may be None.
        loras: what to apply.
        component: the denoiser's name: `transformer`, `transformer_2` or `unet`. It is changed in place.

    Raises:
        ModelError: where a package is missing, or a file is cut short.
        LoadError: naming the file that cannot be applied.
    """
    check(loras, (component,))
    module = getattr(pipeline, component)
    if not hasattr(module, "load_lora_adapter"):
        raise LoadError(_no_loras_for(module))
    weights: dict[str, float] = {}
    for place, lora in enumerate(loras):
        name = f"lora_{place}"
        if _add(pipeline, module, lora, component, name):
            weights[name] = lora.weight
    if weights:
        _activate(module, weights)


def _activate(module: Any, weights: dict[str, float]) -> None:
    try:
        module.set_adapters(list(weights), list(weights.values()))
    except KeyError:  # older diffusers weigh only the classes that they list
        raise LoadError(_no_loras_for(module)) from None


def _add(pipeline: Any, module: Any, lora: Lora, component: str, name: str) -> bool:
    try:
        adapter = _read(pipeline, lora.path)
        prefix, own = _own(adapter.tensors, component)
        if own:
            _load(module, adapter._replace(tensors=own), prefix, name)
    except Exception as error:  # diffusers, peft and safetensors raise anything from KeyError to SafetensorError
        raise LoadError(_failure(lora, component, module, error)) from error
    if own:
        _check_fit(module, lora, component, name, len(own))
    elif not _has_experts(adapter.tensors):
        raise LoadError(_no_match(lora, component, module, adapter.tensors))
    else:
        log.warning("model.loras: %s: none of its tensors is for %s", lora.path, component)
    return bool(own)


def _read(pipeline: Any, path: str) -> Adapter:
    file = Path(path)
    _warn_of_text_encoder(file)
    if not hasattr(pipeline, "lora_state_dict"):  # HunyuanVideo 1.5 has no LoRA methods, but its transformer has
        return _read_plain(file)
    tensors, *alphas, metadata = pipeline.lora_state_dict(
        str(file.parent),
        weight_name=file.name,
        use_safetensors=True,
        local_files_only=True,
        return_lora_metadata=True,
    )
    return Adapter(tensors, alphas[0] if alphas else None, metadata)


def _read_plain(file: Path) -> Adapter:
    from safetensors import safe_open
    from safetensors.torch import load_file

    with safe_open(file, framework="pt") as opened:
        metadata = (opened.metadata() or {}).get(METADATA_KEY)
    return Adapter(load_file(file), None, json.loads(metadata) if metadata else None)


def _own(tensors: dict[str, torch.Tensor], component: str) -> tuple[str, dict[str, torch.Tensor]]:
    """Returns the prefix and the tensors meant for a denoiser; the second expert's are the first's, if not its own."""
    prefix = "transformer" if component == SECOND_EXPERT and not _has_experts(tensors) else component
    return prefix, {name: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _has_experts(tensors: dict[str, torch.Tensor]) -> bool:
    return any(name.startswith(f"{SECOND_EXPERT}.") for name in tensors)


def _load(module: Any, adapter: Adapter, prefix: str, name: str) -> None:
    metadata = adapter.metadata or {}
    is_told = any(key.startswith(f"{prefix}.") for key in metadata)
    module.load_lora_adapter(
        adapter.tensors,
        prefix=prefix,
        adapter_name=name,
        network_alphas=adapter.alphas,
        metadata=metadata if is_told else None,
        low_cpu_mem_usage=True,
    )


def _check_fit(module: Any, lora: Lora, component: str, name: str, given: int) -> None:
    adapters = {one: tensor for one, tensor in module.named_parameters() if f".{name}." in f"{one}."}
    lacking = sorted(one for one, tensor in adapters.items() if tensor.is_meta)
    if lacking or not adapters:
        what = f"lacks {lacking[0].replace(f'.{name}', '')}" if lacking else f"fits nothing in the {_class(module)}"
        raise LoadError(f"model.loras: {lora.path}: {what} -> give a LoRA made for this model, or copy it again")
    if len(adapters) < given:
        log.warning("model.loras: %s: only %d of its %d tensors fit %s", lora.path, len(adapters), given, component)


def _warn_of_text_encoder(file: Path) -> None:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        names = list(opened.keys())
    for_text = sum(name.startswith(TEXT_ENCODER_STARTS) for name in names)
    if for_text:
        log.warning("model.loras: %s: %d tensors for the text encoder are not applied", file, for_text)
    scales = sum("dora_scale" in name for name in names)
    if scales:
        log.warning("model.loras: %s: %d DoRA scales are not applied; diffusers takes none", file, scales)


def _no_loras_for(module: Any) -> str:
    return f"model.loras: the installed diffusers applies none to a {_class(module)} -> model.loras=[]"


def _failure(lora: Lora, component: str, module: Any, error: Exception) -> str:
    lines = re.sub(r"{.*?}", "...", str(error).strip()).splitlines() or [type(error).__name__]
    reason = shorten(lines[1] if len(lines) > 1 and lines[0].endswith(":") else lines[0], 160, placeholder=" ...")
    if isinstance(error, LookupError):
        reason = "its tensors are not named as a LoRA's"
    return (
        f"model.loras: {lora.path} cannot be applied to {component}, a {_class(module)}: {reason} -> "
        "give a LoRA made for this model"
    )


def _no_match(lora: Lora, component: str, module: Any, tensors: dict[str, torch.Tensor]) -> str:
    begins = ", ".join(sorted({name.partition(".")[0] for name in tensors})[:3]) or "nothing"
    return (
        f"model.loras: {lora.path}: none of its {len(tensors)} tensors is for {component}, a {_class(module)} "
        f"(their names begin with {begins}) -> give a LoRA made for this model"
    )


def _class(module: Any) -> str:
    return type(module).__name__
