"""The command `bench`: measures what the settings of a model cost and keep on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.bench.asked import asked
from vgpipe.bench.levers.registry import LEVERS
from vgpipe.config.arguments import Arguments, refuse_flags, split
from vgpipe.config.load import load_run
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError, VgpipeError
from vgpipe.runs.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_STOPPED
from vgpipe.terminal import table, terminal_width, write_error, write_line, write_note
from vgpipe.units import clock

if TYPE_CHECKING:
    from vgpipe.bench.measuring import Pass
    from vgpipe.bench.opening import Opened
    from vgpipe.bench.output import Told
    from vgpipe.bench.rows import Rows
    from vgpipe.runs.bars import TerminalBars

HELP = f"""\
usage: python -m vgpipe bench [model=...] [prompts=FILE] [levers=steps,...] [key=value ...]
       python -m vgpipe bench [...] --dry-run

Renders the same prompts with the settings of a grid, on this machine, and measures of each setting:
seconds (clip by clip in turn, so that a busy machine is busy for all), peak memory, PSNR, SSIM and
VMAF to the full run, the checks, and the share that it keeps of what the full run adds over two
steps. Writes a table, a page with a chart, and options of the group quality. Afterwards quality=85%
goes by what was measured here.

  bench model=shapes                             eight prompts of its own
  bench model=ltx_video_2b prompts=mine.yaml     your prompts: the first eight clips
  bench levers=steps,guidance steps=[4,8,12]     what is varied, and the values
  bench model=ltx_video_2b --dry-run             what it would measure, and how long it takes

  levers=...     one or more of {", ".join(LEVERS)}
  clips=N        how many clips at each setting, 8; the interval is over them
  by=vmaf        what the share is by: ssim, vmaf
  hydra.run.dir=DIR   where; else outputs/bench/<model>-<digest>

It can be stopped at any time, and does what is left when the same is typed again. Each setting is
an ordinary run in a folder of its own below that of the bench (docs/bench.md).

exit codes: 0 done; 1 some clips could not be made; 2 bad usage, nothing started; 3 stopped early,
            type it again
"""
DRY_RUN = "--dry-run"
AGAIN = "type the same again to continue"
RUN_DIR = "hydra.run.dir="
SWEEP = "-m has no use here: name values of a lever -> steps=[4,8,12]"


def main(arguments: Sequence[str]) -> int:
    """Measures what was asked for, and prints the table.

    Args:
        arguments: the keys of `bench`, overrides, `--dry-run`, `--config-dir` and the like.

    Returns:
        The exit code.

    Raises:
        UsageError: for bad usage, an invalid config or job, and where the full run does not fit.
        VgpipeError: where a run cannot be started.
    """
    is_dry = DRY_RUN in arguments
    given = _parse([one for one in arguments if one != DRY_RUN])
    wanted = asked(given.overrides)
    config, directory = load_run(wanted.overrides, given.sources)
    root = directory if any(one.startswith(RUN_DIR) for one in wanted.overrides) else None

    from vgpipe.bench.forecast import forecast  # only now: an invalid config ends before
    from vgpipe.bench.opening import opened
    from vgpipe.bench.rows import Rows
    from vgpipe.runs.logs import logging_early

    ready = opened(wanted, config, root)
    rows = Rows(ready.bench.root)
    with logging_early(terminal=True):
        write_note(forecast(ready, rows, datetime.now()))
    return EXIT_DONE if is_dry else _measure(ready, rows, config)


def _parse(arguments: Sequence[str]) -> Arguments:
    given = split(arguments)
    if given.is_sweep:
        raise UsageError(SWEEP)
    refuse_flags(given)
    words = [one for one in given.overrides if "=" not in one and not one.startswith("~")]
    if words:
        raise UsageError(f"bench takes key=value, not {words[0]!r} -> python -m vgpipe bench --help")
    return given


def _measure(ready: Opened, rows: Rows, config: Config) -> int:
    from vgpipe.bench.measuring import measure
    from vgpipe.bench.output import remember, write
    from vgpipe.executor.cancel_token import CancelToken
    from vgpipe.executor.kept_models import KeptModels
    from vgpipe.runs.signals import cancelled_by_signals
    from vgpipe.store.durable import make_folder

    make_folder(ready.bench.root)
    stop, device, pace = CancelToken(), _device(config), _Pace(ready.bench.passes)
    stop.set_deadlines(until=config.run.until, budget=config.run.budget)
    try:
        with KeptModels() as kept, cancelled_by_signals(stop):
            for made in measure(ready.bench, rows, stop, kept, _bars):
                if pace.begins_clip(made):  # the one before is compared by now
                    write(ready, rows, device, date.today())
                write_note(pace.line(made))
    except (VgpipeError, OSError) as error:
        if not pace.has_begun:
            raise
        write_error(f"{error}; what was measured is kept: {AGAIN}")
        return EXIT_STOPPED
    told = write(ready, rows, device, date.today())
    if stop():
        write_note(f"stopped ({stop.reason}); {AGAIN}")
        return EXIT_STOPPED
    remember(told.measurement)
    _show(ready, told)
    return EXIT_FAILED if any(one.failed for one in told.found) else EXIT_DONE


@contextmanager
def _bars() -> Iterator[TerminalBars]:
    from vgpipe.runs.bars import TerminalBars

    with TerminalBars() as bars:
        yield bars


def _device(config: Config) -> str:
    from vgpipe.plans.target import target_of

    return target_of(config.hardware, for_run=False, folder=Path.cwd()).device_name


class _Pace:
    """Says how far a bench is, and how long the rest takes once a clip is made at every setting."""

    def __init__(self, passes: int):
        self._passes, self._started_s, self._made, self._clip, self._left = passes, time.monotonic(), 0, -1, ""

    @property
    def has_begun(self) -> bool:
        """Whether any clip was made."""
        return self._made > 0

    def begins_clip(self, made: Pass) -> bool:
        """Notes a pass; returns whether it is the first of its clip."""
        begins, self._clip, self._made = made.row.clip != self._clip, made.row.clip, self._made + 1
        each_s = (time.monotonic() - self._started_s) / self._made
        is_known = begins and self._made > 1
        self._left = f", about {clock(each_s * (self._passes - made.number))} left" if is_known else ""
        return begins

    def line(self, made: Pass) -> str:
        """Returns what is said of a pass."""
        row, width = made.row, len(str(self._passes))
        told = row.error or f"{sum(row.seconds.values()):.2f} s"
        return f"{made.number:>{width}} of {self._passes}: clip {row.clip + 1}, {row.setting}: {told}{self._left}"


def _show(ready: Opened, told: Told) -> None:
    from vgpipe.bench.page import lines_to_type
    from vgpipe.bench.table import MARKS, RIGHT, table_rows
    from vgpipe.bench.vmaf import lacking
    from vgpipe.typed import shown_path

    measurement = told.measurement
    for line in table(table_rows(told.found, ready.by), right=RIGHT, width=terminal_width()):
        write_line(line)
    write_line(f"keeps: of what {measurement.full} adds over {measurement.baseline}, by {measurement.measure}; {MARKS}")
    if lacking():
        write_line(lacking())
    write_line(f"page: {shown_path(told.page)}")
    for line in lines_to_type(ready, told.found, told.presets):
        write_line(line)
