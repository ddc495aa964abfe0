"""Images and videos that clips are given, on a machine that does not have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vgpipe.errors import StoreError
from vgpipe.executor.workers.store_link import StoreLink
from vgpipe.executor.workers.store_messages import Answer, Loose, Request, Wanted
from vgpipe.vocabulary import IMAGE


def brought_file(ask: Callable[[Request], Answer], root: Path, sha256: str) -> Path:
    """Returns a copy of an image or a video in a store, brought from the driver if need be.

    Args:
        ask: sends a request to the driver, and returns the answer.
        root: folder of the store.
        sha256: of its bytes.

    Raises:
        StoreError: where the driver has none to give.
        OSError: where it cannot be written.
    """
    path, link = root / IMAGE / sha256, StoreLink(ask)
    if path.is_file():
        return path
    found = link.find(Wanted(Loose(sha256)))
    if found is None:
        raise StoreError("the driver no longer has the file")
    link.download_to(Loose(sha256), found, path)
    return path
