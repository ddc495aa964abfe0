"""Keeps the page of a run up to date while it runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from vgpipe.report.build import build, write_live
from vgpipe.report.contact_sheet import write_contact_sheet
from vgpipe.report.given import write_given
from vgpipe.store.placed_files import GIVEN
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

INTERVAL_S, LIVE_S = 5.0, 2.0
"""How often the data of the page is written, and what the run does at the moment, in seconds."""
FIRST_LOOK_S = 0.5
MAX_SHARE = 0.02
"""The largest share of the time that may be spent on the page, which takes long for thousands of clips."""


@contextmanager
def watched(run_dir: RunDir) -> Iterator[None]:
    """Writes the page as soon as there are records, its data every few seconds, and both at the end.

    What the run does at the moment has a small file of its own while the run continues. The contact sheet is written at
    the end. A file that cannot be written is a warning, never a failure of the run.

    Args:
        run_dir: of the run inside the context.
    """
    with written_at_end(run_dir):
        ended = threading.Event()
        thread = threading.Thread(target=_keep, args=(run_dir, ended), name="report", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextmanager
def written_at_end(run_dir: RunDir) -> Iterator[None]:
    """Writes the contact sheet and the page at the end, for a run that has nothing to make and so ends at once.

    A file that cannot be written is a warning, never a failure of the run.

    Args:
        run_dir: of the run inside the context.
    """
    try:
        yield
    finally:
        if run_dir.holds_run():
            records = cache(partial(run_dir.read_clips, warn=False))
            _try(run_dir.contact_sheet, lambda: write_contact_sheet(run_dir, records()))
            _try(run_dir.root / GIVEN, lambda: write_given(run_dir, records()))
            _try(run_dir.report, lambda: build(run_dir, records=records()))  # after the sheet, since it links to it
            _try(run_dir.report_live, lambda: run_dir.report_live.unlink(missing_ok=True))


def _keep(run_dir: RunDir, ended: threading.Event) -> None:
    is_written, due_s, written, pause_s = False, 0.0, 0.0, FIRST_LOOK_S
    while not ended.wait(pause_s):
        if not run_dir.holds_run():
            continue
        if time.monotonic() >= due_s:
            if not is_written:
                _try(run_dir.root / GIVEN, lambda: write_given(run_dir, run_dir.read_clips(warn=False)))
            before, written = time.thread_time(), round(time.time(), 1)
            if not _try(run_dir.report, partial(build, run_dir, with_page=not is_written, written=written)):
                return  # warned once; the end tries again
            is_written = True
            # Its own processor time: it also waits while the run computes, which costs the run nothing.
            due_s = time.monotonic() + max(INTERVAL_S, (time.thread_time() - before) / MAX_SHARE)
        if not _try(run_dir.report_live, partial(write_live, run_dir, written)):
            return
        pause_s = min(LIVE_S, INTERVAL_S)


def _try(path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:  # a page that cannot be written must not fail the run
        log.warning("%s could not be written: %s", path, error)
        log.debug("traceback of the report", exc_info=error)
        return False
    return True
