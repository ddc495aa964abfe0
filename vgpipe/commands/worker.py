"""Renders a combination of a sweep in a launcher's worker, beside others that write to the same terminal."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.clips.requested import request
from vgpipe.config.schema import Config
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.library_environment import set_library_environment
from vgpipe.executor.moment import Moment
from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.terminal import write_note
from vgpipe.units import counted

if TYPE_CHECKING:
    from vgpipe.runs.result import RunResult


SIGNALLED = CancelToken()
"""Cancelled by a signal to this process: the combinations that it would run next are to stop too."""


def run_in_worker(config: Config, root: Path, started: Moment, overrides: tuple[str, ...] = ()) -> RunResult:
    """Checks and renders a combination: without bars, and each line on the terminal names the combination.

    Args:
        config: of the combination.
        root: its run directory.
        started: when the sweep began, from which `run.until` and `run.budget` count.
        overrides: that it was composed with.

    Raises:
        VgpipeError: where it cannot be started.
        OSError: likewise.
    """
    set_library_environment()
    with _named_lines(root.name), cancelled_by_signals(SIGNALLED):
        from vgpipe.runs.following import Closing
        from vgpipe.runs.run import ready, start
        from vgpipe.typed import shown_path

        run = replace(ready(config, request(config), terminal=False), overrides=overrides)
        write_note(f"{root.name}: rendering {counted(len(run.request.clips), 'clip')}")
        result = start(run, root, CancelToken(SIGNALLED, started=started), closing=Closing.OF_SWEEP)
        done, made = sum(state.is_done for state in result.states), sum(state.is_made for state in result.states)
        drafted, where = f", {made - done} drafted" if made > done else "", shown_path(result.root)
        write_note(f"{root.name}: {done} of {len(result.states)} done{drafted}; everything is in {where}")
        if result.exit_code == EXIT_STOPPED:
            write_note(f"{root.name}: stopped ({result.stopped_by}) -> python -m vgpipe resume {shlex.quote(where)}")
    return result


@contextmanager
def _named_lines(name: str) -> Iterator[None]:
    """Shows vgpipe's warnings on the terminal, each with the name of the combination."""
    ours, handler = logging.getLogger("vgpipe"), _NamedLines(name)
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)


class _NamedLines(logging.Handler):
    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self._name = name

    def emit(self, record: logging.LogRecord) -> None:
        write_note(f"{self._name}: {record.levelname.lower()}: {record.getMessage()}")
