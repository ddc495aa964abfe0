"""Pauses Python's garbage collector where many objects are made that all stay: it would look through them in vain.

Modules, configs and the clips of a large job are such objects; looking through them takes a tenth of a start, and most
of the time in which a job of 50,000 prompts is read.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class StartUp:
    """The pause while the command line starts: until the first clip is rendered or planned, or the command ends."""

    def __init__(self) -> None:
        self._is_paused = False

    def pause(self) -> None:
        """Pauses the collector unless the program around has done so."""
        self._is_paused = gc.isenabled()
        gc.disable()

    def end(self) -> None:
        """Ends the pause, if there is one; what was made in it is never looked through again."""
        if self._is_paused:
            self._is_paused = False
            gc.freeze()
            gc.enable()


START_UP = StartUp()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pauses the collector inside the context."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
