"""The command `run`: renders a job or a prompt, or one run for each combination of a sweep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vgpipe.clips.from_config import Request, request
from vgpipe.commands.closing import show
from vgpipe.config.arguments import Arguments, split
from vgpipe.config.hydra_app import run_app
from vgpipe.config.load import combinations, load
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, ModelError, UsageError, VgpipeError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.bars import TerminalBars
from vgpipe.runs.run import Ready, ready, start
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.runs.summary import shown_path
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import OutputError, write_error, write_line


@dataclass(frozen=True, slots=True)
class Combination:
    """One run that was asked for.

    Attributes:
        config: its checked config.
        result: the run, ready to start, or the reason why it cannot start.
    """

    config: Config
    result: Ready | VgpipeError


def main(arguments: Sequence[str]) -> int:
    """Renders what was asked for.

    Args:
        arguments: overrides and Hydra's flags, as typed.

    Returns:
        The exit code: the highest of all runs.

    Raises:
        UsageError: where a config or a job is invalid.
        VgpipeError: where no combination can start.
    """
    given = split(arguments)
    if given.only_shows:
        combinations(given.overrides, given.config_dir)
    checked = [] if given.only_shows else _check_all(given)
    roots: list[Path] = []

    def task(config: Config, root: Path) -> int:
        roots.append(root)
        with TerminalBars() as bars:
            result = start(_ready_of(config, checked), root, stop, on_progress=bars)
        return show(result)

    with cancelled_by_signals(CancelToken()) as stop:
        codes = run_app(given, task, write_error)
    if given.is_sweep:
        _compare(roots)
    return max(codes, default=0)


def _check_all(given: Arguments) -> list[Combination]:
    """Composes every combination, reads its job and plans it, all before the first run directory is made."""
    sweep = combinations(given.overrides, given.config_dir) if given.is_sweep else [given.overrides]
    checked = [_check(config, wanted) for config, wanted in [_read(overrides, given) for overrides in sweep]]
    errors = [one.result for one in checked if isinstance(one.result, VgpipeError)]
    if len(errors) == len(checked):
        raise errors[0]
    return checked


def _read(overrides: Sequence[str], given: Arguments) -> tuple[Config, Request]:
    try:
        config = load(overrides, given.config_dir)
        return config, request(config)
    except UsageError as error:
        if given.is_sweep:
            raise UsageError(f"{error.headline} (with {' '.join(overrides)})", error.faults) from error
        raise


def _check(config: Config, wanted: Request) -> Combination:
    """Opens the model and plans the run; the other combinations of a sweep start even if this one cannot."""
    try:
        return Combination(config, ready(config, wanted))
    except (ModelError, ConfigError) as error:
        return Combination(config, error)


def _ready_of(config: Config, checked: Sequence[Combination]) -> Ready:
    # Hydra composes the config a second time: a resolver that reads the clock may give another value by now.
    result = next((one.result for one in checked if one.config == config), None) or ready(config, request(config))
    if isinstance(result, VgpipeError):
        raise result
    return result


def _compare(roots: Sequence[Path]) -> None:
    """Ends a sweep with the page that compares its runs; an error there does not fail the runs."""
    runs = [run for run in map(RunDir, roots) if run.holds_run()]
    if len(runs) < 2:
        return
    try:
        from vgpipe.report.compare import NAME, build_comparison

        page = build_comparison(runs, Path(os.path.commonpath([run.root.absolute() for run in runs])) / NAME)
    except (ImportError, OSError, VgpipeError) as error:
        write_error(error)
        return
    try:
        write_line(f"compared in {shown_path(page)}")
    except OutputError as error:
        if error.is_worth_telling:
            write_error(error)
