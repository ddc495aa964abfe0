"""A part of a model that is loaded, and how its memory is returned."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from vgpipe.memory import offload_hooks
from vgpipe.memory.strategies import Placement


class PartSource(Protocol):
    """What parts belong to: a model family bound to its checkpoint and settings."""

    def identity(self, part: str) -> Mapping[str, Any]:
        """Returns, as plain values, everything about a part that can change bits."""
        ...


FamilyT = TypeVar("FamilyT", bound=PartSource)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMemory:
    """Memory that loaded parts take.

    Attributes:
        ram_bytes: weights in RAM, where they also are if the CPU computes.
        device_bytes: weights on another device.
    """

    ram_bytes: int = 0
    device_bytes: int = 0


@dataclass(slots=True)
class LoadedPart(Generic[FamilyT]):
    """A loaded part.

    Attributes:
        module: what was loaded.
        family: what it was loaded for.
        identity: of the part, in that family.
        placement: where its weights are while a stage runs.
        stages: those that used it.
        is_parked: whether it waits in RAM until a stage needs it again.
        is_new_here: whether another residency loaded it, and the one that has it now has not used it yet.
    """

    module: Any
    family: FamilyT
    identity: Mapping[str, Any]
    placement: Placement
    stages: set[str] = field(default_factory=set)
    is_parked: bool = False
    is_new_here: bool = False

    @property
    def held(self) -> HeldMemory:
        """What its weights take; nothing for a tokenizer, which is not a module."""
        if not hasattr(self.module, "parameters"):
            return HeldMemory()
        tensors = [*self.module.parameters(), *self.module.buffers()]
        in_ram = sum(one.nbytes for one in tensors if one.device.type == "cpu")
        return HeldMemory(ram_bytes=in_ram, device_bytes=sum(one.nbytes for one in tensors) - in_ram)


def free(parts: dict[str, LoadedPart[FamilyT]], device: str) -> None:
    """Drops parts that no residency has, and returns their memory.

    Args:
        parts: name -> part; emptied, and the caller has no other reference to them.
        device: torch device string where they are.
    """
    for part in parts.values():
        offload_hooks.unhook(part.module)
    parts.clear()
    empty_cache(device)


def empty_cache(device: str) -> None:
    """Returns unreferenced memory to the device and to the system."""
    gc.collect()  # pipelines and hooks refer to each other in circles
    with suppress(OSError, AttributeError):  # glibc alone has it, and keeps freed tensors of up to 32 MB to itself
        ctypes.CDLL(None).malloc_trim(0)
    kind = device.partition(":")[0]
    if kind != "cpu":
        import torch

        getattr(torch, kind).empty_cache()
