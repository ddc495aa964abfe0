"""Device bytes that one component takes in one stage, by where its weights are and how they are stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from vgpipe.memory.strategies import Placement, Role, Strategy, placement_of
from vgpipe.planner.estimate.stored_weights import (
    can_go_piecewise,
    can_wait_in_files,
    is_bound_to_device,
    share_of_native,
    stored_bytes,
    working_bytes,
)
from vgpipe.planner.profile_records import Block, ComponentFacts, ComponentUse, Leaf
from vgpipe.vocabulary import NATIVE


@dataclass(frozen=True, slots=True)
class DeviceUsage:
    """Device memory at the moment that takes the most.

    Attributes:
        weight_bytes: weights of the component, and copies of them in other precisions.
        activation_bytes: everything else.
    """

    weight_bytes: int
    activation_bytes: int

    @property
    def total_bytes(self) -> int:
        """Both together."""
        return self.weight_bytes + self.activation_bytes


def effective_placement(
    strategy: Strategy, facts: ComponentFacts, storage: str, *, is_cpu: bool, alike: int = 1
) -> Placement:
    """Returns where the weights of a component are while its stage runs; what cannot be offloaded stays on the device.

    Args:
        strategy: the plan's.
        facts: what is known of the component.
        storage: how its weights are stored.
        is_cpu: whether RAM is the device, so that offloaded weights wait in files.
        alike: how many components of its stage have its role.
    """
    wanted = placement_of(strategy, facts.role, alike=alike)
    if wanted is Placement.ON_CALL:
        return Placement.WHOLE if is_cpu or is_bound_to_device(storage) else wanted
    by_leaves = wanted in (Placement.LEAVES, Placement.DISK)
    if wanted is Placement.WHOLE or not can_go_piecewise(storage) or (by_leaves and facts.is_indivisible):
        return Placement.WHOLE
    if not can_wait_in_files(storage):
        if is_cpu:
            return Placement.WHOLE
        return Placement.LEAVES if wanted is Placement.DISK else wanted
    return wanted


@dataclass(frozen=True, slots=True)
class StoredComponent:
    """One component with its weights in one stored precision.

    Attributes:
        facts: what is known of it for every clip.
        storage: how its weights are stored.
    """

    facts: ComponentFacts
    storage: str

    def whole_bytes(self, leaves: Iterable[Leaf]) -> int:
        """Returns all its weights as stored.

        Args:
            leaves: all its layers; if none are known, all weights count as those of a large linear layer.
        """
        known = tuple(leaves)
        if not known:
            return round(self.facts.weight_bytes * share_of_native(self.storage, self._itemsize))
        saved = sum(leaf.weight_bytes - self.stored(leaf) for leaf in known)
        return self.facts.weight_bytes - saved

    def stored(self, leaf: Leaf) -> int:
        """Returns a layer's own weights as stored."""
        return stored_bytes(leaf, self.storage, self.facts.kept)

    def needs(self, leaf: Leaf) -> tuple[int, int]:
        """Returns what a layer needs while it runs: copies of weights, and activations."""
        return working_bytes(leaf, self.storage, self.facts.kept), leaf.peak_bytes

    def extra_needs(self, leaves: Iterable[Leaf]) -> list[tuple[int, int]]:
        """Returns the needs of layers that copy their weights; the others need no more than what is around them."""
        return [] if self.storage == NATIVE else [self.needs(leaf) for leaf in leaves if leaf.peak_bytes > 0]

    @property
    def _itemsize(self) -> int:
        return max(1, round(self.facts.weight_bytes / max(self.facts.parameters, 1)))


def peak_usage(component: StoredComponent, use: ComponentUse, where: Placement, *, stream: bool) -> DeviceUsage:
    """Returns what a component takes at most while it runs.

    Args:
        component: the component.
        use: what it does in the stage.
        where: where its weights are.
        stream: whether the next block or leaf is prefetched while one runs.
    """
    ahead = stream and component.facts.role is not Role.DECODER  # diffusers prefetches under a model's own forward
    if where is Placement.BLOCKS and use.blocks:
        moments = _block_moments(component, use, ahead)
    elif where in (Placement.LEAVES, Placement.DISK):
        moments = _leaf_moments(component, use, ahead) if use.leaves else _one_leaf(component, use)
    else:
        moments = _whole_moments(component, use)
    return max(moments, key=lambda held: held.total_bytes)


def _whole_moments(component: StoredComponent, use: ComponentUse) -> list[DeviceUsage]:
    weights = component.whole_bytes(use.leaves)
    return [
        DeviceUsage(weights, use.peak_bytes),
        *(_with(weights, needs) for needs in component.extra_needs(use.leaves)),
    ]


def _with(weight_bytes: int, needs: tuple[int, int]) -> DeviceUsage:
    return DeviceUsage(weight_bytes + needs[0], needs[1])


def _run(leaves: Iterable[Leaf]) -> list[Leaf]:
    return [leaf for leaf in leaves if leaf.peak_bytes > 0]


def _block_moments(component: StoredComponent, use: ComponentUse, ahead: bool) -> list[DeviceUsage]:
    """Returns the moments of block offloading; weights outside of all blocks stay during the whole call."""
    inside = _block_weights(component, use)
    base = component.whole_bytes(use.leaves) - sum(inside.values())
    coming = _next_of([inside[block.name] for block in use.blocks]) if ahead else [0] * len(use.blocks)
    first = max(inside.values()) if ahead else 0
    by_block: dict[str | None, list[Leaf]] = defaultdict(list)
    for leaf in use.leaves:
        by_block[leaf.block].append(leaf)
    moments = [DeviceUsage(base + first, use.outside_blocks_bytes)]
    for block, following in zip(use.blocks, coming, strict=True):
        here = base + inside[block.name] + following
        moments.append(DeviceUsage(here, block.peak_bytes))
        moments += [_with(here, needs) for needs in component.extra_needs(by_block[block.name])]
    moments += [_with(base + first, needs) for needs in component.extra_needs(by_block[None])]
    return moments


def _block_weights(component: StoredComponent, use: ComponentUse) -> dict[str, int]:
    saved: dict[str | None, int] = defaultdict(int)
    for leaf in use.leaves:
        saved[leaf.block] += leaf.weight_bytes - component.stored(leaf)
    share = 1.0 if use.leaves else share_of_native(component.storage)
    return {block.name: _block_bytes(block, saved[block.name], share) for block in use.blocks}


def _block_bytes(block: Block, saved_bytes: int, share: float) -> int:
    return round(block.weight_bytes * share) - saved_bytes


def _leaf_moments(component: StoredComponent, use: ComponentUse, ahead: bool) -> list[DeviceUsage]:
    """Returns the moments of leaf offloading; with a layer come the own weights of the modules around it."""
    own = {leaf.name: component.stored(leaf) for leaf in use.leaves}
    run = _run(use.leaves)
    coming = _next_of([own[leaf.name] for leaf in run]) if ahead else [0] * len(run)
    moments = [DeviceUsage(own.get("", 0) + (max(coming, default=0)), use.outside_leaves_bytes)]
    for leaf, following in zip(run, coming, strict=True):
        here = own[leaf.name] + following + sum(own.get(name, 0) for name in _around(leaf.name))
        moments.append(_with(here, component.needs(leaf)))
    return moments


def _next_of(sizes: list[int]) -> list[int]:
    return [following for _, following in pairwise([*sizes, 0])]


@cache
def _around(name: str) -> tuple[str, ...]:
    """Returns the names of the modules around a module, including the empty name of the model itself."""
    steps = name.split(".") if name else []
    return tuple(".".join(steps[:length]) for length in range(len(steps)))


def _one_leaf(component: StoredComponent, use: ComponentUse) -> list[DeviceUsage]:
    size_bytes = round(component.facts.largest_leaf_bytes * share_of_native(component.storage))
    return [DeviceUsage(size_bytes, use.peak_bytes)]
