"""The user's own folder for what vgpipe remembers between runs."""

from __future__ import annotations

import os
from pathlib import Path

from vgpipe.outside_file import expanded


def user_cache_folder() -> Path:
    """Returns the folder: $VGPIPE_CACHE, else as the system has it.

    For a user without a home one that cannot be written: nothing is remembered then.
    """
    named = os.environ.get("VGPIPE_CACHE")
    if named:
        return expanded(named)
    from platformdirs import user_cache_path

    try:
        return user_cache_path("vgpipe", appauthor=False)
    except RuntimeError:  # no HOME, and a number that no user has
        return Path(os.devnull) / "vgpipe"
