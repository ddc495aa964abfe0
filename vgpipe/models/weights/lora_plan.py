"""Decides, by a LoRA's header and the denoiser's modules alone, what becomes of each of its tensors.

diffusers' own conversion comes first; which tensors it uses is seen by following empty ones through it. What it leaves
out or cannot read is matched with the denoiser's layers by name: low-rank pairs become adapters too, and changes of
norms, biases and whole weights are added to the weights. The rest is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

from vgpipe.errors import LoadError
from vgpipe.models.checkpoint.safetensors_files import TensorFacts
from vgpipe.models.weights.conversions import conversion_of
from vgpipe.models.weights.lora_deltas import Target, shape_of
from vgpipe.models.weights.lora_names import (
    OF_WHOLE_WEIGHTS,
    SECOND_EXPERT,
    TEXT_ENCODER_STARTS,
    Kind,
    Part,
    bare,
    dotted,
    hunyuan_layer,
    hunyuan_names,
    part_of,
    refuse_other,
)

WRONG_MODEL = "give a LoRA made for this model"
DIFFS = (Kind.WEIGHT, Kind.BIAS, Kind.MODULATION)


class Traced(torch.Tensor):
    """An empty tensor that remembers the tensors it was made from.

    Attributes:
        sources: their names.
    """

    sources: frozenset[str] = frozenset()

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation, and marks what it gives with all that went into it."""
        result = super().__torch_function__(func, types, args, kwargs or {})
        sources = frozenset[str]().union(*(one.sources for one in _traced_in((args, kwargs))))
        for one in _traced_in(result):
            one.sources = one.sources | sources
        return result


def _traced_in(value: Any) -> list[Traced]:
    if isinstance(value, Traced):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [found for one in value for found in _traced_in(one)] if isinstance(value, tuple | list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraPlan:
    """What becomes of a LoRA's tensors in one denoiser.

    Attributes:
        total: how many are for it.
        renamed: name -> the one that diffusers converts; alphas are multiplied into the pairs then.
        is_converted: whether diffusers' conversion is used.
        pairs: layer in the file -> module, of the pairs that diffusers leaves out.
        diffs: tensor -> parameter that it is added to.
        deltas: layer in the file -> the parameters that the change of its whole weight goes to.
        left: the tensors that are not applied.
    """

    total: int
    renamed: Mapping[str, str] = field(default_factory=dict)
    is_converted: bool = False
    pairs: Mapping[str, str] = field(default_factory=dict)
    diffs: Mapping[str, str] = field(default_factory=dict)
    deltas: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    left: tuple[str, ...] = ()

    def told_of_left(self, component: str) -> str:
        """Returns what is said of the tensors that are not applied."""
        for_text = [name for name in self.left if name.startswith(TEXT_ENCODER_STARTS)]
        others = [name for name in self.left if name not in for_text]
        told = [f"{len(for_text)} tensors for the text encoder are not applied"] if for_text else []
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            named = f"{', '.join(others[:3])}{more}"
            told.append(f"only {self.total - len(self.left)} of its {self.total} tensors fit {component}, not {named}")
        return "; ".join(told)


def plan(pipeline: Any, module: Any, component: str, path: str, tensors: Mapping[str, TensorFacts]) -> LoraPlan:
    """Plans how a LoRA is applied to a denoiser.

    Args:
        pipeline: the stock pipeline's class, or one of it.
        module: the denoiser, without adapters; its weights may be empty.
        component: its name.
        path: the LoRA's file, for messages.
        tensors: name -> facts, of its header.

    Raises:
        ModelError: where it is no LoRA, by its names.
        LoadError: where it is not for this denoiser, or not whole.
    """
    refuse_other(path, tensors, type(module).__name__)
    return _Planner(pipeline, module, component, path, tensors).plan()


class _Planner:
    def __init__(self, pipeline: Any, module: Any, component: str, path: str, tensors: Mapping[str, TensorFacts]):
        has_experts = any(name.startswith(f"{SECOND_EXPERT}.") for name in tensors)
        self._prefix = "transformer" if component == SECOND_EXPERT and not has_experts else component
        self._pipeline, self._module, self._component, self._path = pipeline, module, component, path
        others = TEXT_ENCODER_STARTS if not has_experts else (*TEXT_ENCODER_STARTS, *self._other_expert())
        self._tensors = {name: facts for name, facts in tensors.items() if not name.startswith(others)}
        self._text = tuple(name for name in tensors if name.startswith(TEXT_ENCODER_STARTS))
        self._modules = {name: size for name, one in module.named_modules() if (size := _size(one))}
        self._by_underscores = {name.replace(".", "_"): name for name in self._modules}
        self._parameters = {name: tuple(one.shape) for name, one in module.named_parameters()}
        self._conversion: dict[str, str] = {}

    def _other_expert(self) -> tuple[str, ...]:
        return ("transformer.",) if self._component == SECOND_EXPERT else (f"{SECOND_EXPERT}.",)

    def plan(self) -> LoraPlan:
        if not self._tensors:
            return LoraPlan(total=0, left=self._text)
        total = len(self._tensors) + len(self._text)
        deltas, missed = self._deltas()
        renamed = hunyuan_names(self._tensors, type(self._module).__name__)
        used = self._used_by_diffusers(renamed)
        layers: dict[str, dict[Kind, str]] = {}
        for name in self._tensors:
            part = part_of(name)
            layers.setdefault(part.layer, {})[part.kind] = name
        used |= {
            kinds[Kind.ALPHA]
            for kinds in layers.values()
            if Kind.ALPHA in kinds and {kinds.get(Kind.DOWN), kinds.get(Kind.UP)} & used
        }
        pairs, diffs = self._pairs(layers, used), self._diffs(used)
        mine = {name for layer in pairs for name in layers[layer].values() if part_of(name).kind not in DIFFS}
        left = [name for name in self._tensors if name not in used | mine | set(diffs)]
        if not used and not pairs and not diffs and not deltas:
            self._tensors |= missed
            raise LoadError(self._no_match())
        return LoraPlan(
            total=total, renamed=renamed, is_converted=bool(used), pairs=pairs, diffs=diffs, deltas=deltas,
            left=(*left, *missed, *self._text),
        )  # fmt: skip

    def _deltas(self) -> tuple[dict[str, tuple[Target, ...]], dict[str, TensorFacts]]:
        """Returns where changes of whole weights go, and the tensors of those that fit nothing; takes both out."""
        layers: dict[str, dict[Kind, str]] = {}
        for name in self._tensors:
            part = part_of(name)
            layers.setdefault(part.layer, {})[part.kind] = name
        whole = {layer: kinds for layer, kinds in layers.items() if OF_WHOLE_WEIGHTS & set(kinds)}
        found: dict[str, tuple[Target, ...]] = {}
        missed: dict[str, TensorFacts] = {}
        for layer, kinds in whole.items():
            targets = self._targets(layer, kinds)
            taken = {name: self._tensors.pop(name) for name in kinds.values()}
            if targets:
                found[layer] = targets
            else:
                missed |= taken
        return found, missed

    def _targets(self, layer: str, kinds: Mapping[Kind, str]) -> tuple[Target, ...]:
        shape = shape_of({kind: self._tensors[name].shape for kind, name in kinds.items()})
        if shape is None:
            raise LoadError(f"model.loras: {self._path}: lacks a part of {layer} -> {WRONG_MODEL}, or copy it again")
        module = self._module_of(layer)
        own = hunyuan_layer(dotted(bare(layer)))
        rows = {f"{module}.weight": (0, shape[0])} if module else self._rows(f"{own}.weight", shape[0])
        for name, (first, last) in rows.items():
            have = self._parameters.get(name)
            if have is None:
                return ()
            if (have[0], prod(have[1:])) != (last - first, shape[1]):
                raise LoadError(
                    f"model.loras: {self._path} cannot be applied to {self._component}, a {self._class}: size mismatch "
                    f"for {name}: {[last - first, shape[1]]}, and the layer has {list(have)} -> {WRONG_MODEL}"
                )
        return tuple(Target(name, one) for name, one in rows.items())

    def _rows(self, name: str, count: int) -> dict[str, tuple[int, int]]:
        """Returns parameter -> its rows, of an authors' weight that diffusers keeps as several."""
        conversion = conversion_of(type(self._module))
        try:
            numbered = {name: torch.arange(count).reshape(count, 1)}
            converted = conversion(dict(self._module.config), numbered) if conversion else {}
        except Exception:  # a conversion may want the whole model
            return {}
        places = sorted((one.flatten().tolist(), new) for new, one in converted.items() if one.numel())
        if [row for rows, _ in places for row in rows] != list(range(count)):
            return {}  # some are left out, or in another order
        return {new: (rows[0], rows[-1] + 1) for rows, new in places}

    def _used_by_diffusers(self, renamed: Mapping[str, str]) -> set[str]:
        """Returns the tensors that diffusers' conversion turns into ones that the denoiser takes."""
        given = {renamed.get(name, name): name for name in self._tensors}
        if renamed:
            given = {new: name for new, name in given.items() if part_of(new).kind is not Kind.ALPHA}
        empty = {new: _traced(name, self._tensors[name]) for new, name in given.items()}
        try:
            converted = converted_by(self._pipeline, dict(empty), {})[0]
        except Exception:  # what it cannot read is matched by name
            return set()
        found: set[str] = set()
        halves: dict[str, set[Kind]] = {}
        for name, tensor in converted.items():
            part = part_of(name)
            layer = part.layer.removeprefix(f"{self._prefix}.")
            if not name.startswith(f"{self._prefix}.") or layer not in self._modules:
                continue
            self._check_shape(layer, part.kind, tuple(tensor.shape))
            halves.setdefault(layer, set()).add(part.kind)
            found |= _traced_in(tensor)[0].sources
        for layer, kinds in halves.items():
            self._check_whole(layer, kinds)
        return found

    def _pairs(self, layers: Mapping[str, Mapping[Kind, str]], used: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for layer, kinds in layers.items():
            halves = {kind: name for kind, name in kinds.items() if kind in (Kind.DOWN, Kind.UP)}
            module = self._module_of(layer)
            if not halves or used & set(halves.values()) or module is None:
                continue
            self._check_whole(module, set(halves))
            for kind, name in halves.items():
                self._check_shape(module, kind, self._tensors[name].shape)
            found[layer] = module
        return found

    def _diffs(self, used: set[str]) -> dict[str, str]:
        found = {}
        for name, facts in self._tensors.items():
            part = part_of(name)
            if part.kind not in DIFFS or name in used:
                continue
            parameter = self._parameter_of(part)
            shape = self._parameters.get(parameter or "")
            if parameter and shape and _squeezed(shape) == _squeezed(facts.shape):
                found[name] = parameter
        return found

    def _module_of(self, layer: str) -> str | None:
        own = dotted(bare(layer))
        if own in self._modules:
            return own
        converted = self._converted(f"{own}.weight")
        candidates = (converted.removesuffix(".weight"), self._by_underscores.get(own.replace(".", "_"), ""))
        return next((one for one in candidates if one in self._modules), None)

    def _parameter_of(self, part: Part) -> str | None:
        own = dotted(bare(part.layer))
        names = {
            Kind.WEIGHT: (f"{own}.weight", own),
            Kind.BIAS: (f"{own}.bias",),
            Kind.MODULATION: (f"{own}.modulation", f"{own}.scale_shift_table"),
        }[part.kind]
        module = self._by_underscores.get(own.replace(".", "_"))
        more = [f"{module}.{name.rpartition('.')[2]}" for name in names] if module else []
        # The converted name first: the authors' norm3 of Wan is diffusers' norm2, and the other way round.
        tried = [*([] if own in self._modules else map(self._converted, names)), *names, *more]
        return next((one for one in tried if one in self._parameters), None)

    def _converted(self, name: str) -> str:
        """Returns diffusers' name of an authors' one, where its conversion of weights only renames."""
        if name not in self._conversion:
            self._conversion[name] = _renamed_weight(self._module, name)
        return self._conversion[name]

    def _check_shape(self, layer: str, kind: Kind, shape: tuple[int, ...]) -> None:
        out, into = self._modules[layer]
        wrong = {
            Kind.DOWN: len(shape) < 2 or shape[1] != into,
            Kind.UP: len(shape) < 2 or shape[0] != out,
        }
        if wrong.get(kind):
            have = f"{into} inputs and {out} outputs"
            raise LoadError(
                f"model.loras: {self._path} cannot be applied to {self._component}, a {self._class}: size mismatch for "
                f"{layer}.{kind}: {list(shape)}, and the layer has {have} -> {WRONG_MODEL}"
            )

    def _check_whole(self, layer: str, kinds: set[Kind]) -> None:
        lacking = {Kind.DOWN, Kind.UP} - kinds
        if lacking:
            raise LoadError(
                f"model.loras: {self._path}: lacks {layer}.{min(lacking)} -> {WRONG_MODEL}, or copy it again"
            )

    def _no_match(self) -> str:
        begins = ", ".join(sorted({part_of(name).layer for name in self._tensors})[:3])
        return (
            f"model.loras: {self._path}: none of its {len(self._tensors)} tensors is for {self._component}, a "
            f"{self._class} (they change {begins}, ...) -> {WRONG_MODEL}"
        )

    @property
    def _class(self) -> str:
        return type(self._module).__name__


def converted_by(pipeline: Any, tensors: dict[str, torch.Tensor], options: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns what the pipeline's own conversion makes of a LoRA's tensors: those, network alphas, metadata."""
    if not hasattr(pipeline, "lora_state_dict"):  # HunyuanVideo 1.5 has no LoRA methods, but its transformer has
        return tensors, None, None
    converted, *alphas, metadata = pipeline.lora_state_dict(tensors, return_lora_metadata=True, **options)
    return converted, alphas[0] if alphas else None, metadata


def _traced(name: str, facts: TensorFacts) -> Traced:
    is_number = all(one == 1 for one in facts.shape)  # an alpha, whose value is read
    empty = torch.ones(facts.shape) if is_number else torch.empty(facts.shape, device="meta")
    traced = empty.as_subclass(Traced)
    traced.sources = frozenset({name})
    return traced


def _renamed_weight(module: Any, name: str) -> str:
    tensor = torch.empty((6, 6), device="meta")
    conversion = conversion_of(type(module))
    try:
        converted = conversion(dict(module.config), {name: tensor}) if conversion else {}
    except Exception:  # a conversion may want the whole model
        return name
    return next((new for new, one in converted.items() if one is tensor), name)


def _size(module: Any) -> tuple[int, int] | None:
    """Returns the features that a layer gives and takes; None where a LoRA cannot change it."""
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return int(module.out_features), int(module.in_features)
    if isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        return int(module.out_channels), int(module.in_channels // module.groups)
    return None


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one for one in shape if one != 1)
