"""What a run does while it is paused: it holds nothing but its directory, and waits."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from vgpipe.errors import StoreError
from vgpipe.executor.kept_models import KeptModels
from vgpipe.store.pause_file import PauseFile
from vgpipe.typed import typed_path

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


class Events(Protocol):
    """Where what happens to a run is recorded."""

    def event(self, kind: str, **facts: object) -> None:
        """Appends an event."""


def free_memory(kept: KeptModels | None) -> None:
    """Frees what outlives an attempt: models that are kept for later runs, caches, the process that starts workers."""
    from vgpipe.executor.workers.host_process import end_host
    from vgpipe.memory.loaded_part import empty_cache

    if kept is not None:
        kept.release()
    end_host()
    torch = sys.modules.get("torch")
    has_cuda = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    empty_cache("cuda" if has_cuda else "cpu")


def wait(root: Path, file: PauseFile, should_stop: Callable[[], bool], events: Events) -> None:
    """Waits until another process removes the file, or the run is to stop.

    Args:
        root: the run directory.
        file: asks for the pause.
        should_stop: says whether the run is to stop.
        events: get `paused` and `continued`.

    Side effects:
        Removes the file where the run is to stop.
    """
    events.event("paused")
    log.warning("paused: models and caches are freed; continue with: python -m vgpipe continue %s", typed_path(root))
    file.note_reached()
    while file.is_there and not should_stop():
        time.sleep(LOOK_EVERY_S)
    if should_stop():
        with suppress(StoreError):
            file.remove()
        return
    events.event("continued")
    log.info("continued")
