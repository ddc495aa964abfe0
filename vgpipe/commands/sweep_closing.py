"""What is printed when a sweep has ended: a row for each combination, the best of a search, the page that compares."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgpipe.commands.sweep_result import SweepResult
from vgpipe.errors import VgpipeError
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.runs.objective import WORST
from vgpipe.store.rundir import RunDir
from vgpipe.store.sweep_record import write_missing
from vgpipe.terminal import OutputError, table, terminal_width, write_error, write_line

MAX_ROWS, MAX_BEST = 200, 5
OPTUNA_RESULTS = "optimization_results.yaml"


def close_sweep(results: Sequence[SweepResult]) -> None:
    """Ends a sweep of several runs; an error here does not fail the runs.

    Side effects:
        Writes the page that compares the runs, in the folder of the sweep.
    """
    if len(results) < 2:
        return
    runs = {root: RunDir(root) for one in results if (root := one.root) is not None and RunDir(root).holds_run()}
    lines = ["", *summary(results, terminal_width())]
    if runs:
        folder = Path(os.path.commonpath([root.absolute() if len(runs) > 1 else root.parent for root in runs]))
        lines += [*best(folder), *(_compared(folder, list(runs.values()), results) if len(runs) > 1 else ())]
    try:
        write_line("\n".join(lines))
    except OutputError as error:
        if error.is_worth_telling:
            write_error(error)


def summary(results: Sequence[SweepResult], width: int | None = None) -> list[str]:
    """Returns a row for each combination, and how many are complete.

    Args:
        results: of all combinations; of very long sweeps only those that are not complete are shown.
        width: columns of the terminal, to which errors are wrapped; None does not wrap.
    """
    names = next((one.objective_names for one in results if one.objective_names), ())
    complete = [one for one in results if one.exit_code == EXIT_DONE]
    shown = results if len(results) <= MAX_ROWS else [one for one in results if one not in complete][:MAX_ROWS]
    rows = [("combination", *names, "clips"), *((one.name, *_values(one, names), one.state) for one in shown)]
    right = range(1, 1 + len(names))
    return [
        *(table(rows, right=right, width=width) if shown else []),
        f"{len(complete)} of {len(results)} combinations complete",
    ]


def _values(result: SweepResult, names: Sequence[str]) -> list[str]:
    values = dict(zip(result.objective_names, result.objectives, strict=False))
    return [_number(values.get(name)) for name in names]


def _number(value: float | None) -> str:
    return "-" if value is None or abs(value) >= WORST else f"{value:.6g}"


def best(folder: Path) -> list[str]:
    """Returns what a search found, as Optuna's sweeper left it; nothing after any other sweep."""
    import yaml

    path = folder / OPTUNA_RESULTS
    try:
        found: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        if "solutions" in found:
            solutions = [(one["params"], list(one["values"])) for one in found["solutions"]]
        else:
            solutions = [(found["best_params"], [found["best_value"]])]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return []
    from vgpipe.typed import shown_path

    lines = [f"best: {_parameters(params)} ({', '.join(map(_number, values))})" for params, values in solutions]
    return [*lines[:MAX_BEST], f"search: {shown_path(path)}"]


def _parameters(params: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items())


def _compared(folder: Path, runs: Sequence[RunDir], results: Sequence[SweepResult]) -> list[str]:
    try:
        write_missing(folder, [(one.name, one.state) for one in results if one.root not in {run.root for run in runs}])
        from vgpipe.report.compare import NAME, build_comparison
        from vgpipe.typed import shown_path

        return [f"compared in {shown_path(build_comparison(runs, folder / NAME))}"]
    except (ImportError, OSError, VgpipeError) as error:
        write_error(error)
        return []
