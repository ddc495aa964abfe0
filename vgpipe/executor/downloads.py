"""Brings the weights of a hub model to this machine before anything is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable

from vgpipe.executor.outcomes import WorkCounter
from vgpipe.hub.repo import fetch, missing_bytes
from vgpipe.models.base import Family
from vgpipe.units import format_size

log = logging.getLogger(__name__)

DOWNLOAD = "download"


def fetch_weights(family: Family, progress: WorkCounter, should_stop: Callable[[], bool]) -> None:
    """Downloads what the family's parts need and the hub cache lacks.

    Args:
        family: drives the model.
        progress: gets the bytes of each component that is downloaded.
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
            progress.begin(DOWNLOAD, component)
        fetch(source.repo, files, progress=progress.step if lacking else None, should_stop=should_stop)
