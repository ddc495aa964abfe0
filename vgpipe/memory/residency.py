"""Keeps the components that a stage needs in memory, and only as long as the stage's strategy says."""

from __future__ import annotations

import copy
import ctypes
import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.memory import budget, offload_hooks
from vgpipe.memory.out_of_memory import drop_traceback_locals, is_out_of_memory
from vgpipe.memory.placement import move
from vgpipe.memory.strategies import Placement, Role, Strategy, placement_of, role_by_name

log = logging.getLogger(__name__)

MAX_TRIES = 2  # a network folder may be back for the second

Parts = Callable[[tuple[str, ...]], dict[str, Any]]


@dataclass(slots=True)
class _Held:
    """A loaded part.

    Attributes:
        module: what was loaded.
        placing: where its weights are while a stage runs.
        stages: those that used it.
        waits: whether it is in RAM until a stage needs it again.
    """

    module: Any
    placement: Placement
    stages: set[str] = field(default_factory=set)
    waits: bool = False


class Residency:
    """Loads parts on demand, and frees them when their stage ends.

    What a stage's strategy does with its parts when it ends:

    * resident: they stay on the device, to the end of the run;
    * model_offload: they wait in RAM, and come back before the stage's next use;
    * all others: they are dropped, and loaded again for the stage's next wave. Waves are sized by what that costs, and
      RAM never holds more than one stage's parts.

    What other stages left behind makes way when a stage takes its first part: under resident it stays, under
    model_offload it goes to RAM, under all others it is dropped. On the CPU, where RAM is the device, model_offload
    drops too: waiting there would be staying. A part that two stages share stays as long as either strategy says; where
    they place it differently, it is loaded anew for each. Several denoisers of a stage are handed out together, so that
    they know which of them makes way for which.

    Args:
        load: loads one part and puts it where a `Placement` says.
        device: torch device string; its cache is emptied when something is freed.
        strategies: stage -> strategy.
        role_of: what a part does, by its name.

    Attributes:
        strategies: stage -> strategy; changed by `change` alone.
        loads: part -> how often it was loaded.
        load_s: part -> seconds that the last time took.
    """

    def __init__(
        self,
        load: Callable[[str, Placement], Any],
        device: str,
        strategies: Mapping[str, Strategy],
        role_of: Callable[[str], Role] = role_by_name,
    ):
        self.strategies = dict(strategies)
        self.loads: dict[str, int] = {}
        self.load_s: dict[str, float] = {}
        self._load, self._device, self._role_of = load, device, role_of
        self._held: dict[str, _Held] = {}
        self._failed: dict[str, list[ModelError]] = {}
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
    def stage(self, name: str) -> Iterator[Parts]:
        """Gives the function that hands out parts; at the end they go where the stage's strategy says.

        Nothing is loaded before the first call, so a stage without work costs nothing. An error that leaves the block
        loses the local variables of its traceback, so that what was freed is free.

        Args:
            name: a key of `strategies`.
        """
        try:
            yield lambda parts: self._hand_out(name, parts)
        except BaseException as error:
            drop_traceback_locals(error)
            raise
        finally:
            self._end(name)

    def change(self, stage: str, strategy: Strategy) -> None:
        """Has a stage use another strategy from now on; what it used is dropped, and loaded anew when asked for."""
        self.strategies[stage] = strategy
        self.forget(*(part for part, held in self._held.items() if stage in held.stages))

    def forget(self, *parts: str) -> None:
        """Drops some parts, those of them that are held, and gives their memory back."""
        present = [part for part in parts if part in self._held]
        if not present:
            return
        log.debug("freeing %s", ", ".join(present))
        for part in present:
            offload_hooks.leave(self._held[part].module)
            del self._held[part]
        self._link()
        _empty_cache(self._device)

    def free(self) -> None:
        """Drops every part and gives its memory back."""
        self.forget(*self._held)

    def is_dead(self, name: str) -> bool:
        """Says whether a part has failed to load so often that it is not tried again; want of memory does not count."""
        return len(self._failed.get(name, ())) >= MAX_TRIES

    def failure(self, names: tuple[str, ...]) -> ModelError | None:
        """Returns why one of some parts is not tried again; None where all may be."""
        dead = [name for name in names if self.is_dead(name)]
        return copy.copy(self._failed[dead[0]][-1]) if dead else None

    def _hand_out(self, stage: str, parts: tuple[str, ...]) -> dict[str, Any]:
        if self.strategies[stage] is not Strategy.RESIDENT:
            others = [part for part, held in self._held.items() if part not in parts and stage not in held.stages]
            self._put_away(others, waits=self.strategies[stage] is Strategy.MODEL_OFFLOAD)
        roles = [self._role_of(part) for part in parts]
        wanted = {
            part: placement_of(self.strategies[stage], role, alike=roles.count(role))
            for part, role in zip(parts, roles, strict=True)
        }
        found = {part: self._part(stage, part, where) for part, where in wanted.items()}
        self._link()
        budget.hold(held.module for held in self._held.values())
        return found

    def _link(self) -> None:
        turning = [held.module for held in self._held.values() if held.placement is Placement.ON_CALL]
        if turning:
            offload_hooks.link(turning)

    def _part(self, stage: str, part: str, wanted: Placement) -> Any:
        held = self._held.get(part)
        if held is not None and held.placement is not wanted:
            del held
            self.forget(part)
        if part not in self._held:
            self._held[part] = _Held(self._loaded(part, wanted), wanted)
        elif self._held[part].waits:
            if wanted is not Placement.ON_CALL:  # which fetches itself
                self._fetch(part)
            self._held[part].waits = False
        self._held[part].stages.add(stage)
        return self._held[part].module

    def _loaded(self, part: str, wanted: Placement) -> Any:
        if self.is_dead(part):  # every clip of a night would try again
            raise copy.copy(self._failed[part][-1])
        started = time.monotonic()
        with self._nothing_left_behind():
            module = self._try_to_load(part, wanted)
        self.load_s[part] = time.monotonic() - started
        self.loads[part] = self.loads.get(part, 0) + 1
        log.info("loaded %s in %.2f s", part, self.load_s[part])
        return module

    def _try_to_load(self, part: str, wanted: Placement) -> Any:
        try:
            with budget.suspended():
                module = self._load(part, wanted)
        except ModelError as error:
            if not is_out_of_memory(error):
                # A copy: the traceback's frames would keep other parts in memory.
                self._failed.setdefault(part, []).append(copy.copy(error))
            raise
        budget.hold([module])
        return module

    def _fetch(self, part: str) -> None:
        try:
            with self._nothing_left_behind():
                move(self._held[part].module, self._device)
        except BaseException:
            self.forget(part)  # half of it may have been moved
            raise

    @contextmanager
    def _nothing_left_behind(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            drop_traceback_locals(error)
            _empty_cache(self._device)
            raise

    def _end(self, stage: str) -> None:
        over = [part for part, held in self._held.items() if stage in held.stages]
        keeping = {part: {self.strategies[one] for one in self._held[part].stages} for part in over}
        leaving = [part for part in over if Strategy.RESIDENT not in keeping[part]]
        waiting = [part for part in leaving if Strategy.MODEL_OFFLOAD in keeping[part]]
        self._put_away(waiting, waits=True)
        self._put_away([part for part in leaving if part not in waiting], waits=False)

    def _put_away(self, parts: list[str], *, waits: bool) -> None:
        if not waits or self._device == "cpu":
            self._dropped.update(parts)
            self.forget(*parts)
            return
        moved = [self._held[part] for part in parts if not self._held[part].waits]
        for held in moved:
            move(held.module, "cpu")
            held.waits = True
        if moved:
            _empty_cache(self._device)


def _empty_cache(device: str) -> None:
    """Gives back what nothing refers to any more, to the device and to the system."""
    gc.collect()  # pipelines and hooks refer to each other in circles
    with suppress(OSError, AttributeError):  # glibc alone has it, and keeps freed tensors of up to 32 MB to itself
        ctypes.CDLL(None).malloc_trim(0)
    kind = device.partition(":")[0]
    if kind != "cpu":
        import torch

        getattr(torch, kind).empty_cache()
