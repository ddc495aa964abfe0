"""Keeps the parts of a model that a stage needs in memory, for as long as the stage's strategy says."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic

from vgpipe.errors import ModelError
from vgpipe.memory import budget, offload_hooks
from vgpipe.memory.loaded_part import FamilyT, LoadedPart, empty_cache
from vgpipe.memory.out_of_memory import drop_traceback_locals, is_out_of_memory
from vgpipe.memory.placement import move
from vgpipe.memory.strategies import Placement, Strategy, placement_of, role_by_name

log = logging.getLogger(__name__)

MAX_TRIES = 2  # a network folder may be back for the second


Take = Callable[[FamilyT, tuple[str, ...]], dict[str, Any]]
"""(family, names of its parts) -> part by name, each loaded and placed as the running stage wants it."""


class Residency(Generic[FamilyT]):
    """Loads parts on demand, and frees them when their stage ends.

    What happens to a stage's parts when it ends depends on its strategy:

    * resident: they stay on the device, to the end of the run;
    * model_offload: they are parked in RAM, and return to the device at the stage's next use;
    * all others: they are dropped, and loaded again for the stage's next wave. Waves are sized by what that costs, and
      RAM never holds more than one stage's parts.

    When a stage takes its first part, the parts that other stages left stay under resident, are parked in RAM under
    model_offload, and are dropped under all others. On the CPU, where RAM is the device, model_offload drops them too.
    A part that two stages share stays as long as either strategy says; where they place it differently, each loads it
    again. A part that another family stores differently is dropped and loaded for the family that takes it. Several
    denoisers of a stage are taken together, so that each knows which one leaves the device for it.

    Args:
        load: loads one part of a family and puts it where a `Placement` says.
        device: torch device string; its cache is emptied when something is freed.
        strategies: stage -> strategy.
        on_ready: called with each part that was loaded or taken over, and the seconds that this took.

    Attributes:
        strategies: stage -> strategy; changed by `change` alone.
        loads: part -> how often it was loaded.
        load_s: part -> seconds that the last load took.
    """

    def __init__(
        self,
        load: Callable[[FamilyT, str, Placement], Any],
        device: str,
        strategies: Mapping[str, Strategy],
        on_ready: Callable[[str, float], None] = lambda _part, _seconds: None,
    ) -> None:
        self.strategies = dict(strategies)
        self.loads: dict[str, int] = {}
        self.load_s: dict[str, float] = {}
        self._load, self._device, self._on_ready = load, device, on_ready
        self._loaded: dict[str, LoadedPart[FamilyT]] = {}
        self._is_sound = True
        self._failures: dict[str, list[ModelError]] = {}
        self._dropped: set[str] = set()

    @property
    def keeps_all(self) -> bool:
        """Whether every stage leaves its parts on the device."""
        return set(self.strategies.values()) == {Strategy.RESIDENT}

    @property
    def wave_load_s(self) -> float:
        """Seconds that every further wave spends on loading, as far as the stages that ended so far show."""
        return sum(self.load_s.get(part, 0.0) for part in self._dropped)

    @contextmanager
    def stage(self, name: str) -> Iterator[Take[FamilyT]]:
        """Yields the function that loads and returns parts; at the end they go where the stage's strategy says.

        Nothing is loaded before its first call, so a stage without work costs nothing. An error that leaves the block
        loses the local variables of its traceback, so that no part stays in memory because of them.

        Args:
            name: a key of `strategies`.
        """
        try:
            yield lambda family, parts: self._take(name, family, parts)
        except BaseException as error:
            self.distrust()
            drop_traceback_locals(error)
            raise
        finally:
            self._end(name)

    def change(self, stage: str, strategy: Strategy) -> None:
        """Changes the strategy of a stage; its parts are dropped, and loaded again at the next use."""
        self.strategies[stage] = strategy
        self._drop(part for part, loaded in self._loaded.items() if stage in loaded.stages)

    def free(self) -> None:
        """Drops every part and returns its memory."""
        self._drop(self._loaded)

    def distrust(self) -> None:
        """Notes that something failed beside these parts: no other residency takes them over."""
        self._is_sound = False

    def take_over(self, parts: Mapping[str, LoadedPart[FamilyT]]) -> None:
        """Takes parts over that another residency of the same device and strategies handed over."""
        for part, loaded in parts.items():
            loaded.is_new_here = True
            self._loaded[part] = loaded

    def hand_over(self) -> dict[str, LoadedPart[FamilyT]]:
        """Returns every part that is loaded, and forgets them; none where something failed, for then all are freed."""
        if not self._is_sound:
            self.free()
        parts, self._loaded = self._loaded, {}
        return parts

    def is_unloadable(self, part: str) -> bool:
        """Returns whether a part has failed to load so often that no stage tries again; out of memory is no failure."""
        return len(self._failures.get(part, ())) >= MAX_TRIES

    def failure(self, parts: tuple[str, ...]) -> ModelError | None:
        """Returns why no stage tries again to load one of some parts; None where all may be loaded."""
        unloadable = [part for part in parts if self.is_unloadable(part)]
        return copy.copy(self._failures[unloadable[0]][-1]) if unloadable else None

    def _take(self, stage: str, family: FamilyT, parts: tuple[str, ...]) -> dict[str, Any]:
        self._drop(part for part in parts if not self._is_of(part, family))
        self._clear_for(stage, parts)
        roles = [role_by_name(part) for part in parts]
        placements = [placement_of(self.strategies[stage], role, alike=roles.count(role)) for role in roles]
        taken = {part: self._part(stage, family, part, where) for part, where in zip(parts, placements, strict=True)}
        self._link()
        budget.hold(loaded.module for loaded in self._loaded.values())
        return taken

    def _is_of(self, part: str, family: FamilyT) -> bool:
        """Returns whether a part, if it is loaded, is stored as a family stores it."""
        return part not in self._loaded or self._loaded[part].identity == family.identity(part)

    def _clear_for(self, stage: str, parts: tuple[str, ...]) -> None:
        """Removes from the device what other stages left on it, unless the stage's strategy keeps everything there."""
        strategy = self.strategies[stage]
        if strategy is Strategy.RESIDENT:
            return
        others = [name for name, one in self._loaded.items() if name not in parts and stage not in one.stages]
        if strategy is Strategy.MODEL_OFFLOAD:
            self._park(others)
        else:
            self._drop_until_next_wave(others)

    def _link(self) -> None:
        modules = [loaded.module for loaded in self._loaded.values() if loaded.placement is Placement.ON_CALL]
        if modules:
            offload_hooks.link(modules)

    def _part(self, stage: str, family: FamilyT, part: str, where: Placement) -> Any:
        if part in self._loaded and self._loaded[part].placement is not where:
            self._drop([part])
        if part not in self._loaded:
            identity = family.identity(part)
            self._loaded[part] = LoadedPart(self._load_part(family, part, where), family, identity, where)
        elif self._loaded[part].is_parked:  # no local name for it: what fails to move has to be freed at once
            if where is not Placement.ON_CALL:  # which returns by its own hook
                self._unpark(part)
            self._loaded[part].is_parked = False
        if self._loaded[part].is_new_here:
            self._loaded[part].is_new_here = False
            log.info("kept %s from the run before, loaded in 0.00 s", part, extra={"bar": True})
            self._on_ready(part, 0.0)
        self._loaded[part].stages.add(stage)
        return self._loaded[part].module

    def _load_part(self, family: FamilyT, part: str, where: Placement) -> Any:
        if (failure := self.failure((part,))) is not None:  # else every clip of a night would try again
            raise failure
        started = time.monotonic()
        with self._freed_on_error():
            module = self._try_to_load(family, part, where)
        self.load_s[part] = time.monotonic() - started
        self.loads[part] = self.loads.get(part, 0) + 1
        log.info("loaded %s in %.2f s", part, self.load_s[part], extra={"bar": True})
        self._on_ready(part, self.load_s[part])
        return module

    def _try_to_load(self, family: FamilyT, part: str, where: Placement) -> Any:
        try:
            with budget.suspended():
                module = self._load(family, part, where)
        except ModelError as error:
            if not is_out_of_memory(error):
                # A copy: the traceback's frames would keep other parts in memory.
                self._failures.setdefault(part, []).append(copy.copy(error))
            raise
        budget.hold([module])
        return module

    def _unpark(self, part: str) -> None:
        try:
            with self._freed_on_error():
                move(self._loaded[part].module, self._device)
        except BaseException:
            self._drop([part])  # half of it may have been moved
            raise

    @contextmanager
    def _freed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            drop_traceback_locals(error)
            empty_cache(self._device)
            raise

    def _end(self, stage: str) -> None:
        used = [part for part, loaded in self._loaded.items() if stage in loaded.stages]
        wanted = {part: {self.strategies[one] for one in self._loaded[part].stages} for part in used}
        leaving = [part for part in used if Strategy.RESIDENT not in wanted[part]]
        parked = [part for part in leaving if Strategy.MODEL_OFFLOAD in wanted[part]]
        self._park(parked)
        self._drop_until_next_wave([part for part in leaving if part not in parked])

    def _park(self, parts: list[str]) -> None:
        """Moves parts to RAM; on the CPU, where they are there already, drops them."""
        if self._device == "cpu":
            self._drop_until_next_wave(parts)
            return
        moved = [self._loaded[part] for part in parts if not self._loaded[part].is_parked]
        for loaded in moved:
            move(loaded.module, "cpu")
            loaded.is_parked = True
        if moved:
            empty_cache(self._device)

    def _drop_until_next_wave(self, parts: list[str]) -> None:
        self._dropped.update(parts)
        self._drop(parts)

    def _drop(self, parts: Iterable[str]) -> None:
        """Drops those of some parts that are loaded, and returns their memory."""
        present = [part for part in parts if part in self._loaded]
        if not present:
            return
        log.debug("freeing %s", ", ".join(present))
        for part in present:
            offload_hooks.unhook(self._loaded[part].module)
            del self._loaded[part]
        self._link()
        empty_cache(self._device)
