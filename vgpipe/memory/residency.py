"""Keeps the components that a stage needs in memory, and only as long as the strategy says."""

from __future__ import annotations

import copy
import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.memory.strategies import Strategy

log = logging.getLogger(__name__)

MAX_TRIES = 2  # a network folder may be back for the second


class Residency:
    """Loads components on demand and frees them when their stage ends.

    Args:
        strategy: resident keeps every component; staged frees a stage's when the stage is over.
        load: loads one component by name.
        device: where they live; its cache is emptied when something is freed.
    """

    def __init__(self, strategy: Strategy, load: Callable[[str], Any], device: str):
        self.strategy = strategy
        self.loads: dict[str, int] = {}
        self.load_s: dict[str, float] = {}
        self._load = load
        self._device = device
        self._resident: dict[str, Any] = {}
        self._failed: dict[str, list[ModelError]] = {}

    @contextmanager
    def stage(self) -> Iterator[Callable[[tuple[str, ...]], dict[str, Any]]]:
        """Gives the function that hands out components; frees them at the end if the strategy is staged.

        Nothing is loaded before the first call, so a stage without work costs nothing.
        """
        try:
            yield self._parts
        finally:
            if self.strategy is Strategy.STAGED:
                self.free()

    def free(self) -> None:
        """Drops every component and gives its memory back."""
        if not self._resident:
            return
        log.debug("freeing %s", ", ".join(self._resident))
        self._resident.clear()
        gc.collect()
        kind = self._device.partition(":")[0]
        if kind != "cpu":
            import torch

            getattr(torch, kind).empty_cache()

    def is_dead(self, name: str) -> bool:
        """Says whether a component has failed to load so often that it is not tried again."""
        return len(self._failed.get(name, ())) >= MAX_TRIES

    def failure(self, names: tuple[str, ...]) -> ModelError | None:
        """Returns why one of some components is not tried again; None where all may be."""
        dead = [name for name in names if self.is_dead(name)]
        return copy.copy(self._failed[dead[0]][-1]) if dead else None

    def _parts(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._component(name) for name in names}

    def _component(self, name: str) -> Any:
        if self.is_dead(name):  # every clip of a night would try again
            raise copy.copy(self._failed[name][-1])
        if name not in self._resident:
            started = time.monotonic()
            try:
                self._resident[name] = self._load(name)
            except ModelError as error:
                # A copy: the traceback's frames would keep other components in memory.
                self._failed.setdefault(name, []).append(copy.copy(error))
                raise
            self.load_s[name] = time.monotonic() - started
            self.loads[name] = self.loads.get(name, 0) + 1
            log.info("loaded %s in %.2f s", name, self.load_s[name])
        return self._resident[name]
