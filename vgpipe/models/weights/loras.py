"""Applies low-rank adapters to a denoiser, as the stock pipeline's `load_lora_weights` and `set_adapters` do.

`load_lora_weights` itself wants the pipeline's other components too, and writes into the first of two experts only.
So its two halves are called one by one: the pipeline class reads and renames the file's tensors, the denoiser takes
those that are its own. What that leaves out is applied as `lora_plan.py` decides.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.safetensors_files import check_complete, tensors_in
from vgpipe.models.weights import lora_scale
from vgpipe.models.weights.lora_names import SECOND_EXPERT, Kind, bare, leaves_bits, part_of, refuse_other

if TYPE_CHECKING:
    import torch

    from vgpipe.models.weights.lora_plan import LoraPlan

log = logging.getLogger(__name__)


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


def marks(path: Path) -> tuple[Any, ...]:
    """Returns what beside its bytes and weight names a LoRA's effect in store keys, as plain values.

    Args:
        path: its file; one that is torn has none, and is refused later.

    Raises:
        ModelError: where PEFT's config beside it says what is not applied.
    """
    try:
        tensors = tensors_in(path)
    except ValueError:
        return ()
    scales = lora_scale.beside(path)
    # Changes of norms and whole weights were left out once, without a word.
    return (*([] if leaves_bits(tensors) else ["all tensors"]), *([] if scales is None else [scales.mark]))


def check(loras: Sequence[Lora], denoisers: Sequence[str], class_name: str = "") -> None:
    """Checks, without loading anything heavy, that LoRAs can be applied and that their files are whole.

    Args:
        loras: what will be applied.
        denoisers: the model's own.
        class_name: of the denoisers, in diffusers; "" where it is not known.

    Raises:
        ModelError: naming the missing package, the file, or the denoiser that the model lacks.
    """
    if loras and importlib.util.find_spec("peft") is None:
        raise ModelError('model.loras: needs the package peft -> pip install "vgpipe[lora]"')
    for lora in loras:
        if lora.component not in (None, *denoisers):
            raise ModelError(
                f"model.loras: {lora.path}: component={lora.component}, and this model has {', '.join(denoisers)} -> "
                "name one of these, or leave it out for all"
            )
    refuse_foreign(loras, class_name)


def refuse_foreign(loras: Sequence[Lora], class_name: str) -> None:
    """Refuses, by their headers alone, files that are no LoRA, or none for a denoiser of a class.

    Args:
        loras: what will be applied.
        class_name: in diffusers; "" where it is not known.

    Raises:
        ModelError: naming the layout and what to do.
    """
    for lora in loras:
        check_complete(Path(lora.path), "model.loras")
        refuse_other(lora.path, tensors_in(Path(lora.path)), class_name)


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
    from vgpipe.models.weights.lora_plan import plan

    check(loras, (component,))
    module = getattr(pipeline, component)
    if not hasattr(module, "load_lora_adapter"):
        raise LoadError(_no_loras_for(module))
    planned = [(lora, plan(pipeline, module, component, lora.path, tensors_in(Path(lora.path)))) for lora in loras]
    for lora, one in planned:  # before adapters take the place of layers
        _warn_of_left(lora, one, component)
        _add_diffs(module, lora, one.diffs)
        _add_deltas(module, lora, one, component)
    weights: dict[str, float] = {}
    for place, (lora, one) in enumerate(planned):
        name = f"lora_{place}"
        if (one.is_converted or one.pairs) and _add(pipeline, module, lora, one, component, name):
            weights[name] = lora.weight
    if weights:
        _activate(module, weights)


def _activate(module: Any, weights: dict[str, float]) -> None:
    try:
        module.set_adapters(list(weights), list(weights.values()))
    except KeyError:  # older diffusers weigh only the classes that they list
        raise LoadError(_no_loras_for(module)) from None


def _add(pipeline: Any, module: Any, lora: Lora, plan: LoraPlan, component: str, name: str) -> bool:
    try:
        adapter = _read(pipeline, Path(lora.path), plan)
        prefix, own = _own(adapter.tensors, component)
        own |= {f"{prefix}.{layer}": tensor for layer, tensor in _pairs(Path(lora.path), plan).items()}
        if own:
            _load(module, adapter._replace(tensors=own), prefix, name)
    except Exception as error:  # diffusers, peft and safetensors raise anything from KeyError to SafetensorError
        raise LoadError(_failure(lora, component, module, error)) from error
    if own:
        _check_fit(module, lora, name)
    return bool(own)


def _add_diffs(module: Any, lora: Lora, diffs: Mapping[str, str]) -> None:
    """Adds whole changes of weights and biases, which no adapter stands for, to the weights themselves."""
    import torch
    from safetensors import safe_open

    if not diffs or not lora.weight:
        return
    with safe_open(lora.path, framework="pt") as opened, torch.no_grad():
        for name, target in diffs.items():
            weight = _native(module, target, lora, name)
            change = opened.get_tensor(name).float().reshape(weight.shape).to(weight.device)
            weight.data = (weight.data.float() + lora.weight * change).to(weight.dtype)


def _add_deltas(module: Any, lora: Lora, plan: LoraPlan, component: str) -> None:
    """Adds what LoKr, LoHa and DoRA change to the weights themselves, each layer's change whole."""
    import torch
    from safetensors import safe_open

    from vgpipe.models.weights.lora_deltas import change

    if not plan.deltas or not lora.weight:
        return
    path = Path(lora.path)
    scales = lora_scale.beside(path) or lora_scale.within(_metadata(path), component)
    with safe_open(lora.path, framework="pt") as opened, torch.no_grad():
        names: dict[str, dict[Kind, str]] = {}
        for name in opened.keys():  # noqa: SIM118 (it is no mapping)
            names.setdefault(part_of(name).layer, {})[part_of(name).kind] = name
        for layer, targets in plan.deltas.items():
            weights = [_native(module, one.parameter, lora, layer) for one in targets]
            tensors = {kind: opened.get_tensor(name).to(weights[0].device) for kind, name in names[layer].items()}
            base = torch.cat([one.data.float().flatten(1) for one in weights])
            delta = change(tensors, base, scales.of(bare(layer)) if scales else None)
            for weight, one in zip(weights, targets, strict=True):
                own = delta[slice(*one.rows)].reshape(weight.shape)
                weight.data = (weight.data.float() + lora.weight * own).to(weight.dtype)


def _native(module: Any, target: str, lora: Lora, name: str) -> Any:
    import torch

    weight = module.get_parameter(target)
    is_packed = hasattr(weight, "quant_type") or type(weight) is not torch.nn.Parameter
    if is_packed or not weight.is_floating_point():
        raise LoadError(
            f"model.loras: {lora.path}: {name} changes {target}, which is stored in lower precision -> store this "
            "component natively or as fp8 (memory.weights), or leave the LoRA out"
        )
    return weight


def _read(pipeline: Any, file: Path, plan: LoraPlan) -> Adapter:
    from vgpipe.models.weights.lora_plan import converted_by

    metadata = _metadata(file)
    if not plan.is_converted:
        return Adapter({}, None, metadata)
    if not plan.renamed and hasattr(pipeline, "lora_state_dict"):
        tensors, *alphas, metadata = pipeline.lora_state_dict(
            str(file.parent),
            weight_name=file.name,
            use_safetensors=True,
            local_files_only=True,
            return_lora_metadata=True,
        )
        return Adapter(tensors, alphas[0] if alphas else None, metadata)
    from safetensors.torch import load_file

    given = _with_alphas(load_file(file), plan.renamed) if plan.renamed else load_file(file)
    tensors, alphas_of, _ = converted_by(pipeline, given, {})
    return Adapter(tensors, alphas_of, metadata)


def _metadata(file: Path) -> dict[str, Any] | None:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        told = (opened.metadata() or {}).get(lora_scale.METADATA_KEY)
    return json.loads(told) if told else None


def _with_alphas(tensors: dict[str, torch.Tensor], renamed: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Returns a file's tensors under other names, each pair multiplied by alpha over its rank."""
    alphas = {part_of(name).layer: one for name, one in tensors.items() if part_of(name).kind is Kind.ALPHA}
    found = {}
    for name, tensor in tensors.items():
        part = part_of(name)
        if part.kind is Kind.DOWN and part.layer in alphas:
            tensor = _times(tensor, float(alphas[part.layer]) / tensor.shape[0])
        if part.kind is not Kind.ALPHA:
            found[renamed.get(name, name)] = tensor
    return found


def _pairs(file: Path, plan: LoraPlan) -> dict[str, torch.Tensor]:
    """Returns the pairs that diffusers' conversion leaves out, named by the denoiser's own layers."""
    if not plan.pairs:
        return {}
    from safetensors.torch import load_file

    scales, found = lora_scale.beside(file), {}
    for name, tensor in _with_alphas(load_file(file), {}).items():
        part = part_of(name)
        if part.layer not in plan.pairs or part.kind not in (Kind.DOWN, Kind.UP, Kind.UP_BIAS):
            continue
        if scales is not None and part.kind is Kind.DOWN:
            tensor = _times(tensor, scales.of(bare(part.layer)))
        found[f"{plan.pairs[part.layer]}.{part.kind}"] = tensor
    return found


def _times(tensor: torch.Tensor, factor: float) -> torch.Tensor:
    return (tensor.float() * factor).to(tensor.dtype)


def _own(tensors: dict[str, torch.Tensor], component: str) -> tuple[str, dict[str, torch.Tensor]]:
    """Returns the prefix and the tensors meant for a denoiser; the second expert's are the first's, if not its own."""
    has_experts = any(name.startswith(f"{SECOND_EXPERT}.") for name in tensors)
    prefix = "transformer" if component == SECOND_EXPERT and not has_experts else component
    return prefix, {name: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


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


def _check_fit(module: Any, lora: Lora, name: str) -> None:
    adapters = {one: tensor for one, tensor in module.named_parameters() if f".{name}." in f"{one}."}
    lacking = sorted(one for one, tensor in adapters.items() if tensor.is_meta)
    if lacking or not adapters:
        what = f"lacks {lacking[0].replace(f'.{name}', '')}" if lacking else f"fits nothing in the {_class(module)}"
        raise LoadError(f"model.loras: {lora.path}: {what} -> give a LoRA made for this model, or copy it again")


def _warn_of_left(lora: Lora, plan: LoraPlan, component: str) -> None:
    if not plan.total:
        log.warning("model.loras: %s: none of its tensors is for %s", lora.path, component)
    elif plan.left:
        log.warning("model.loras: %s: %s", lora.path, plan.told_of_left(component))


def _no_loras_for(module: Any) -> str:
    return f"model.loras: the installed diffusers applies none to a {_class(module)} -> model.loras=[]"


def _failure(lora: Lora, component: str, module: Any, error: Exception) -> str:
    lines = re.sub(r"{.*?}", "...", str(error).strip()).splitlines() or [type(error).__name__]
    reason = shorten(lines[1] if len(lines) > 1 and lines[0].endswith(":") else lines[0], 160, placeholder=" ...")
    return (
        f"model.loras: {lora.path} cannot be applied to {component}, a {_class(module)}: {reason} -> "
        "give a LoRA made for this model"
    )


def _class(module: Any) -> str:
    return type(module).__name__
