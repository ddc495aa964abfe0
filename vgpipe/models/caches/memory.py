"""What a step cache remembers, as a clip's checkpoint and a denoising pass hand it to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CacheMemory:
    """The state of a step cache, from one pass over a clip to the next.

    Attributes:
        saved: what `current` gave at the step that the pass continues from; empty where it begins.
        device: torch device string where the denoisers work.
        calls: calls of denoisers in this pass, a window counting as one.
        computed: those of them whose blocks were not skipped.
    """

    saved: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    calls: int = 0
    computed: int = 0
    _read: Callable[[], dict[str, Any]] = dict
    _enter_window: Callable[[int], None] | None = None

    def current(self) -> dict[str, Any]:
        """Returns the state as it is, tensors where they are; empty where no cache is at work."""
        return self._read()

    @contextmanager
    def reading(self, read: Callable[[], dict[str, Any]]) -> Iterator[None]:
        """Has `current` give what `read` gives while the context is open."""
        self._read = read
        try:
            yield
        finally:
            self._read = dict
            self._enter_window = None

    def entered(self, enter_window: Callable[[int], None]) -> None:
        """Notes the call of a denoiser that is about to be made.

        Args:
            enter_window: says which window of a long clip it is made for.
        """
        self._enter_window = enter_window

    def enter_window(self, number: int) -> None:
        """Gives a window of a long clip a state of its own; without a cache, does nothing.

        Args:
            number: of the window, from 0 on.
        """
        if self._enter_window is not None:
            self._enter_window(number)

    @property
    def skipped_share(self) -> float | None:
        """The share of calls whose blocks were skipped; None where no cache was at work."""
        return 1 - self.computed / self.calls if self.calls else None
