"""The store that a command works on, where no run is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError

KEY = "store.dir="


def chosen_store(overrides: Sequence[str], usage: str) -> Path:
    """Returns the folder of the store that the user's defaults and the command line name.

    Args:
        overrides: `store.dir=DIR`, or nothing.
        usage: of the command.

    Raises:
        UsageError: for another override, or where there is no store.
    """
    from vgpipe.config.load import load

    wrong = [one for one in overrides if not one.startswith(KEY)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} has no use here -> {usage}")
    store = Path(load(overrides).store.dir)
    if not store.is_dir():
        raise UsageError(f"there is no store at {store} -> {KEY}DIR")
    return store
