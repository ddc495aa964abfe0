"""Remembers that the installed versions work together, until a package is installed or removed."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from vgpipe.user_cache import user_cache_folder

KNOWN_BAD = Path(__file__).with_name("known_bad.toml")
METADATA_SUFFIXES = (".dist-info", ".egg-info", ".egg-link")
MEMORY_FILE = "versions-checked"


def require_checked_versions(warn: Callable[[str], object]) -> None:
    """Does what `require_good_versions` does; where nothing has changed since that found nothing, in a millisecond.

    Args:
        warn: called with one line for each warning.

    Raises:
        UsageError: with every broken combination and its remedy.

    Side effects:
        Remembers a check without findings in the user's cache folder.
    """
    memory, mark = user_cache_folder() / MEMORY_FILE, installation_mark()
    if remembered(memory) == mark:
        return
    from vgpipe.doctor.versions import require_good_versions

    if require_good_versions(warn):
        with suppress(OSError):  # then the next start looks again
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(mark, "utf-8")


def remembered(memory: Path) -> str:
    """Returns the mark of the installation that was checked last; empty where there is none."""
    try:
        return memory.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def installation_mark() -> str:
    """Returns a digest over all that a check depends on: the interpreter, pip's metadata, the known-bad versions."""
    known = KNOWN_BAD.stat()
    facts = (sys.version, sys.platform, known.st_size, known.st_mtime_ns, *_metadata())
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()


def _metadata() -> Iterator[tuple[str, int]]:
    """Yields path and time of every package's metadata: pip renames its folder with each version."""
    for folder in sys.path:
        with suppress(OSError), os.scandir(folder or ".") as entries:
            found = [entry for entry in entries if entry.name.endswith(METADATA_SUFFIXES)]
            yield from sorted((entry.path, entry.stat().st_mtime_ns) for entry in found)
