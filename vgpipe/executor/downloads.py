"""Brings the weights of a hub model to this machine before anything is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vgpipe.hub.repo import fetch, missing_bytes
from vgpipe.models.base import Family
from vgpipe.units import format_size

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def fetch_weights(family: Family, progress: Progress, should_stop: Callable[[], bool]) -> None:
    """Downloads what the family's parts need and the hub cache lacks.

    Args:
        family: drives the model.
        progress: called with (bytes done, bytes in all) of each component.
        should_stop: asked during the download.

    Raises:
        ModelError: where it cannot be had, with the remedy.
        Stopped: where `should_stop` said so; the next run resumes the download.
    """
    for component in family.components():
        source = family.checkpoint.source(component)
        if source.repo is None:
            continue
        files = family.checkpoint.files(component, family.settings.variant)
        lacking = missing_bytes(source.repo, files)
        if lacking:
            log.info("downloading %s of %s: %s", component, source.repo.repo_id, format_size(lacking))
        fetch(source.repo, files, progress=progress if lacking else None, should_stop=should_stop)


@contextmanager
def download_progress() -> Iterator[Progress]:
    """Gives a function that shows a bar for the component that is being downloaded."""
    from tqdm import tqdm

    bars: list[Any] = []

    def show(done_bytes: int, total_bytes: int) -> None:
        if not bars or bars[-1].total != total_bytes:
            for bar in bars:
                bar.close()
            bars[:] = [tqdm(total=total_bytes, unit="B", unit_scale=True, desc="download", leave=False)]
        bars[-1].update(done_bytes - bars[-1].n)

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()
