"""The leaves and blocks of a component, as offloading hooks see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from vgpipe.memory.allocation import rounded_up
from vgpipe.memory.placement import reads_weights_directly
from vgpipe.models.weights.layerwise_cast import kept_patterns

Kind = Literal["linear", "conv", "embedding", "other"]
CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)


@dataclass(frozen=True, slots=True)
class LeafWeights:
    """A module with tensors of its own: a `profile_records.Leaf` without the measurements of a run."""

    kind: Kind
    weight_bytes: int
    elements: int
    rows: int
    itemsize: int
    block: str | None


@dataclass(frozen=True, slots=True)
class ModuleParts:
    """The modules of a component.

    Attributes:
        leaves: by name, in the order of definition.
        blocks: name -> bytes of all its tensors.
        parameters: how many.
        weight_bytes: parameters and buffers, each rounded up as an allocation; tied ones once.
        kept: name patterns of the layers that fp8 storage leaves in native precision.
        is_indivisible: whether its weights cannot be offloaded leaf by leaf.
    """

    leaves: dict[str, LeafWeights]
    blocks: dict[str, int]
    parameters: int
    weight_bytes: int
    kept: tuple[str, ...] = ()
    is_indivisible: bool = False

    @property
    def leaf_names(self) -> set[str]:
        """Names of the leaves."""
        return set(self.leaves)

    @property
    def block_names(self) -> set[str]:
        """Names of the blocks."""
        return set(self.blocks)


def parts_of(module: torch.nn.Module) -> ModuleParts:
    """Returns the modules of a component; reads shapes only."""
    blocks = _block_names(module)
    seen: set[int] = set()
    leaves: dict[str, LeafWeights] = {}
    sizes = dict.fromkeys(blocks, 0)
    for name, part in module.named_modules():
        own = [tensor for tensor in (*part._parameters.values(), *part._buffers.values()) if tensor is not None]
        if not own:
            continue
        fresh = [tensor for tensor in own if id(tensor) not in seen]
        seen |= {id(tensor) for tensor in fresh}
        block = next((one for one in blocks if f"{name}.".startswith(f"{one}.")), None)
        leaves[name] = _leaf(part, sum(map(_size, fresh)), block)
        if block is not None:
            sizes[block] += leaves[name].weight_bytes
    parameters = sum(tensor.numel() for tensor in module.parameters())
    return ModuleParts(
        leaves,
        sizes,
        parameters,
        sum(leaf.weight_bytes for leaf in leaves.values()),
        kept_patterns(module),
        reads_weights_directly(module),
    )


def _block_names(module: torch.nn.Module) -> list[str]:
    return [
        f"{name}.{index}"
        for name, child in module.named_children()
        if isinstance(child, torch.nn.ModuleList | torch.nn.Sequential)
        for index in range(len(child))
    ]


def _leaf(part: torch.nn.Module, weight_bytes: int, block: str | None) -> LeafWeights:
    kind: Kind = "other"
    if isinstance(part, torch.nn.Linear):
        kind = "linear"
    elif isinstance(part, CONVOLUTIONS):
        kind = "conv"
    elif isinstance(part, torch.nn.Embedding):
        kind = "embedding"
    weight = getattr(part, "weight", None) if kind != "other" else None
    if not isinstance(weight, torch.Tensor):
        return LeafWeights(kind, weight_bytes, 0, 0, 0, block)
    return LeafWeights(kind, weight_bytes, weight.numel(), weight.shape[0], weight.element_size(), block)


def _size(tensor: torch.Tensor) -> int:
    return rounded_up(tensor.numel() * tensor.element_size())
