"""What stays loaded between the runs of one process: a sweep, or repeated calls from a notebook.

The next run takes over the parts of a model about which nothing has changed. All others are freed before it loads
anything, so that no run has more in memory than its plan says.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from vgpipe.memory.loaded_part import HeldMemory, LoadedPart
    from vgpipe.memory.strategies import Strategy
    from vgpipe.models.base import Family

Parts: TypeAlias = "dict[str, LoadedPart[Family]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What two runs have to agree on for the second to take anything over.

    Attributes:
        device: torch device string.
        strategies: stage -> where its components live.
        memory_limit_gb: the most of the device's memory that may be used, GiB; None: all.
    """

    device: str
    strategies: Mapping[str, Strategy]
    memory_limit_gb: float | None


@dataclass(slots=True)
class _Held:
    conditions: Conditions
    parts: Parts = field(default_factory=dict)

    def free(self) -> None:
        from vgpipe.memory.loaded_part import free

        free(self.parts, self.conditions.device)


class KeptModels:
    """Holds what a run left loaded until the next run takes it; as a context manager it frees that at the end.

    What a run leaves depends on its memory strategy. Under `resident` that is the whole model, and under
    `model_offload` on a GPU as well, in RAM. All other strategies drop a stage's parts when the stage ends and load
    them again for the next wave, and so they do for the next run. A run in which a stage failed, ran out of memory or
    was stopped leaves nothing.

    A run owns what it took: a second one that starts meanwhile, in another thread, loads its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._is_closed = False

    def __enter__(self) -> KeptModels:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def held(self) -> HeldMemory:
        """The memory that is held, which the next run has at its disposal: it uses or frees it."""
        from vgpipe.memory.loaded_part import HeldMemory

        with self._lock:
            sizes = [part.held for part in self._held.parts.values()] if self._held else []
        return HeldMemory(
            ram_bytes=sum(one.ram_bytes for one in sizes), device_bytes=sum(one.device_bytes for one in sizes)
        )

    def close(self) -> None:
        """Frees what is held; what a run still uses is freed when that run ends."""
        self._is_closed = True
        self._swap(None)

    def release(self) -> None:
        """Frees what is held; later runs may still leave something."""
        self._swap(None)

    def take(self, conditions: Conditions, family: Family) -> Parts:
        """Returns the parts that a run may use as they are, and frees all others.

        Args:
            conditions: of the run.
            family: drives its model.

        Returns:
            Name -> part; they belong to the caller now.
        """
        held = self._pop()
        if held is None:
            return {}
        is_same = held.conditions == conditions
        names = [name for name, part in held.parts.items() if is_same and _is_unchanged(name, part, family)]
        taken = {name: held.parts.pop(name) for name in names}
        if held.parts:
            held.free()
        return taken

    def keep(self, conditions: Conditions, parts: Parts) -> None:
        """Holds what a run left loaded; what another run left before is freed.

        Args:
            conditions: of the run.
            parts: name -> part; the caller has no other reference to them.
        """
        held = _Held(conditions, parts)
        if self._is_closed:
            held.free()
        elif parts:
            self._swap(held)

    def _pop(self) -> _Held | None:
        with self._lock:
            held, self._held = self._held, None
        return held

    def _swap(self, held: _Held | None) -> None:
        with self._lock:
            before, self._held = self._held, held
        if before is not None:
            before.free()


def _is_unchanged(name: str, part: LoadedPart[Family], family: Family) -> bool:
    """Says whether a family would load a part exactly as it is."""
    if type(part.family) is not type(family) or part.identity != family.identity(name):
        return False
    return _settings(name, part.family) == _settings(name, family)


def _settings(name: str, family: Family) -> tuple[Any, ...]:
    """Returns what a family does to a loaded part, also where it changes speed or memory and no bit."""
    one = family.settings
    vae = (one.vae_tiling, one.vae_tile_size, one.vae_slicing) if name in family.decode_components else None
    attention = one.attention if name in family.denoise_components(from_image=False) else None
    return dict(one.quantization), attention, vae
