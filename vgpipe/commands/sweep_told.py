"""What follows when a sweep has ended: one message for all of its runs, and `run.on_end` once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vgpipe.commands.render_task import Sweep
from vgpipe.commands.sweep_result import SweepResult
from vgpipe.errors import VgpipeError, first_line
from vgpipe.notify.facts import Ended, Failure
from vgpipe.notify.on_end import run_on_end
from vgpipe.notify.wording import of_end
from vgpipe.report.compare import NAME
from vgpipe.runs.exit_codes import EXIT_DONE, EXIT_USAGE
from vgpipe.runs.following import opened_notifier
from vgpipe.runs.logs import logging_to
from vgpipe.store.rundir import RunDir

LOG_NAME, END, MADE = "sweep.log", "end", ("done", "drafted")


def tell_sweep(sweep: Sweep, results: Sequence[SweepResult], seconds: float, error: Exception | None = None) -> None:
    """Sends the message that a sweep has ended, and runs the command of `run.on_end`.

    Args:
        sweep: the sweep; the config of its first combination says which messages, and which command.
        results: of its combinations.
        seconds: what it took.
        error: what ended it; None where nothing did.

    Side effects:
        Appends to `sweep.log` in the folder of the sweep what goes wrong with either.
    """
    notify, command = sweep.config.notify, sweep.config.run.on_end
    if not sweep.root.is_dir() or (END not in notify.on and command is None):
        return
    ended = ended_of(sweep, results, seconds, error)
    with logging_to(sweep.root / LOG_NAME, terminal=True):
        notifier = opened_notifier(notify) if END in notify.on else None
        if notifier is not None:
            notifier.send(of_end(ended))
            notifier.close()
        if command is not None:
            run_on_end(command, ended, sweep.root)


def ended_of(sweep: Sweep, results: Sequence[SweepResult], seconds: float, error: Exception | None) -> Ended:
    """Returns the facts of a sweep: the clips of all its runs together.

    Args:
        sweep: the sweep.
        results: of its combinations.
        seconds: what it took.
        error: what ended it; None where nothing did.
    """
    runs = [RunDir(result.root) for result in results if result.root is not None]
    records = [record for run in runs for record in _records(run)]
    states = [record.get("state") for record in records]
    page = sweep.root / NAME
    return Ended(
        job=sweep.job,
        root=sweep.root,
        exit_code=EXIT_USAGE if error is not None else max((result.exit_code for result in results), default=EXIT_DONE),
        clips=len(states),
        done=states.count("done"),
        failed=states.count("failed"),
        drafted=states.count("drafted"),
        degraded=sum(one.get("state") in MADE and bool(one.get("degradations")) for one in records),
        seconds=seconds,
        failures=tuple(_failures(results)),
        error="" if error is None else first_line(error),
        report=page if page.is_file() else None,
        pictures=tuple(path for run in runs if (path := run.contact_sheet).is_file()),
        runs=len(results),
    )


def _records(run: RunDir) -> list[dict[str, Any]]:
    try:
        return run.read_clips(warn=False)
    except VgpipeError:
        return []


def _failures(results: Sequence[SweepResult]) -> Iterator[Failure]:
    for result in results:
        if result.exit_code != EXIT_DONE:
            yield Failure(name=result.name, error=result.state)
