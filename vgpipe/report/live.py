"""Keeps the page of a run up to date while the run goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from vgpipe.report.build import build
from vgpipe.report.contact_sheet import write_contact_sheet
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

INTERVAL_S = 5.0
FIRST_LOOK_S = 0.5
MAX_SHARE = 0.02
"""Of the time, at most this may go into writing the page: a run of thousands of clips has better things to do."""


@contextmanager
def watched(run_dir: RunDir) -> Iterator[None]:
    """Writes the page as soon as there are records, renews its data every few seconds, and once more at the end.

    At the end there is also the contact sheet. What cannot be written is a warning, never a failure of the run.

    Args:
        run_dir: of the run that goes on inside.
    """
    is_over = threading.Event()
    thread = threading.Thread(target=_keep, args=(run_dir, is_over), name="report", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        if run_dir.holds_run():
            _try(run_dir.contact_sheet, lambda: write_contact_sheet(run_dir))
            _try(run_dir.report, lambda: build(run_dir))  # after the sheet, which it links


def _keep(run_dir: RunDir, is_over: threading.Event) -> None:
    is_written, pause_s = False, FIRST_LOOK_S
    while not is_over.wait(pause_s):
        if not run_dir.holds_run():
            continue
        before = time.monotonic()
        renew = partial(build, run_dir, with_page=not is_written)
        if not _try(run_dir.report, renew):
            return  # told once; the last try is made at the end
        is_written, pause_s = True, max(INTERVAL_S, (time.monotonic() - before) / MAX_SHARE)


def _try(path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:  # whatever is wrong with the page, the clips are done all the same
        log.warning("%s could not be written: %s", path, error)
        log.debug("traceback of the report", exc_info=error)
        return False
    return True
