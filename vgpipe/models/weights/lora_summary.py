"""Says in words what a LoRA's header holds: its kind, its layers and ranks, and which expert its name speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vgpipe.errors import ModelError
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.safetensors_files import TensorFacts, tensors_in
from vgpipe.models.checkpoint.single_file import EXPERTS, expert_named
from vgpipe.models.weights.lora_names import Kind, bare, part_of
from vgpipe.typed import as_typed
from vgpipe.units import format_size

KINDS = (("LoKr", "lokr"), ("LoHa", "hada"), ("DoRA", "dora"), ("DoRA", "lora_magnitude"))
RANKED = (Kind.DOWN, Kind.LOKR_W1_B, Kind.LOKR_W2_B, Kind.HADA_W1_B)
NUMBER = re.compile(r"(\w*blocks?)[._](\d+)[._]")


def summary(lora: Lora) -> str:
    """Returns one sentence on a LoRA, by its header.

    Args:
        lora: what will be applied.

    Raises:
        ModelError: where its file cannot be read.
    """
    path = Path(lora.path)
    try:
        tensors = tensors_in(path)
    except ValueError as error:
        raise ModelError(f"model.loras: {error} -> copy it again") from None
    target = f" for {lora.component}" if lora.component else ""
    return (
        f"model.loras: {path.name}: {_kind(tensors)}{_ranks(tensors)} over {_layers(tensors)}, "
        f"{format_size(path.stat().st_size)}, weight {lora.weight:g}{target}"
    )


def _kind(tensors: Mapping[str, TensorFacts]) -> str:
    kinds = {part_of(name).kind for name in tensors}
    return next((label for label, start in KINDS if any(kind.startswith(start) for kind in kinds)), "LoRA")


def _ranks(tensors: Mapping[str, TensorFacts]) -> str:
    parts = {name: part_of(name).kind for name in tensors}
    ranks = sorted({tensors[name].shape[0] for name, kind in parts.items() if kind in RANKED and tensors[name].shape})
    if not ranks:
        return ""
    return f" of rank {ranks[0]}" if len(ranks) == 1 else f" of ranks {ranks[0]} to {ranks[-1]}"


def _layers(tensors: Mapping[str, TensorFacts]) -> str:
    layers = {bare(part.layer) for part in map(part_of, tensors) if part.kind is not Kind.OTHER}
    blocks: dict[str, list[int]] = {}
    for layer in layers:
        if found := NUMBER.match(layer):
            blocks.setdefault(found[1], []).append(int(found[2]))
    named = ", ".join(f"{name} {min(places)} to {max(places)}" for name, places in sorted(blocks.items()))
    return f"{len(layers)} layer{'s' * (len(layers) != 1)}" + (f" ({named})" if named else "")


def expert_hints(loras: Sequence[Lora], denoisers: Sequence[str]) -> tuple[str, ...]:
    """Returns what to know of LoRAs that go into both experts though their names speak of one.

    Args:
        loras: what will be applied.
        denoisers: the model's own.
    """
    if not set(EXPERTS) <= set(denoisers):
        return ()
    named = [(lora, expert_named(Path(lora.path).name)) for lora in loras if lora.component is None]
    return tuple(
        f"model.loras: {Path(lora.path).name} is applied to both experts, and its name speaks of that for "
        f"{'high' if expert == EXPERTS[0] else 'low'} noise alone -> "
        + as_typed("model.loras", [{"id": lora.path, "component": expert}])
        for lora, expert in named
        if expert is not None and not _has_both(lora)
    )


def _has_both(lora: Lora) -> bool:
    """Returns whether a file says itself, by the names of its tensors, what is for which expert."""
    try:
        return any(name.startswith(f"{EXPERTS[1]}.") for name in tensors_in(Path(lora.path)))
    except ValueError:
        return False
