"""Keeps the store to the size that `store.max_gb` allows, when a run ends."""

from __future__ import annotations

import logging
from pathlib import Path

from vgpipe.errors import VgpipeError
from vgpipe.executor.run_records import RunRecords
from vgpipe.garbage.removal import AnotherAtWork
from vgpipe.garbage.tidying import Tidying, tidy
from vgpipe.garbage.wording import freed_text
from vgpipe.units import GIB, format_size

log = logging.getLogger(__name__)


def keep_to_limit(store: Path, max_gb: float, run: Path, records: RunRecords) -> None:
    """Frees what no kept run needs until the store is small enough; logs what it freed, and where that fails.

    Args:
        store: its root.
        max_gb: what it may take, GiB.
        run: the run that ends, whose finished clips need nothing but their files.
        records: gets the event `store_freed`.
    """
    try:
        outlook, freed = tidy(Tidying(store, max_bytes=round(max_gb * GIB)), settled_in=run)
    except AnotherAtWork as error:
        log.info("store.max_gb: %s", error)
        return
    except (VgpipeError, OSError) as error:
        log.warning("store.max_gb: nothing is freed: %s", error)
        return
    if freed.count:
        log.info("with store.max_gb at %g: %s", max_gb, freed_text(freed))
        records.event("store_freed", bytes=freed.own_bytes, items=dict(freed.count))
    if outlook.left_bytes > max_gb * GIB:
        log.warning(
            "store.max_gb is %g: the store has %s that kept runs need, or that is younger than some hours -> "
            "python -m vgpipe gc --dry-run shows what it is",
            max_gb,
            format_size(outlook.left_bytes),
        )
