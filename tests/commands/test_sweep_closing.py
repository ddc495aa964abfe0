"""What is printed when a sweep has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.report.runs import make_run, record
from vgpipe.commands import sweep_closing
from vgpipe.commands.search import Search
from vgpipe.commands.sweep_closing import best, close_sweep, summary
from vgpipe.commands.sweep_result import SweepResult
from vgpipe.runs.objective import Direction
from vgpipe.store.sweep_record import read_missing

SEARCH = Search(("sharpness", "seconds_per_clip"), (Direction.MAXIMIZE, Direction.MINIMIZE))
LOST = SweepResult.without(Path("clip.seed=2"), SEARCH, "no model")


def done(name: str, *values: float) -> SweepResult:
    return SweepResult(
        name=name, exit_code=0, state="1 of 1 done", root=None, objectives=values, objective_names=SEARCH.names
    )


def test_each_combination_is_a_row_with_its_objectives():
    assert summary([done("clip.seed=1", 17.06459, 0.5), LOST]) == [
        "combination  sharpness  seconds_per_clip  clips",
        "clip.seed=1    17.0646               0.5  1 of 1 done",
        "clip.seed=2          -                 -  not started: no model",
        "1 of 2 combinations complete",
    ]


def test_of_a_very_long_sweep_only_what_is_incomplete_is_shown(monkeypatch):
    monkeypatch.setattr(sweep_closing, "MAX_ROWS", 2)
    told = summary([done("clip.seed=1", 1, 1), LOST, done("clip.seed=3", 1, 1)])
    assert len(told) == 3 and told[1].startswith("clip.seed=2") and told[-1] == "2 of 3 combinations complete"


def test_the_best_of_a_search_is_named(workdir):
    (workdir / "optimization_results.yaml").write_text("best_params: {clip.seed: 3, quality: high}\nbest_value: 1.25\n")
    assert best(workdir) == ["best: clip.seed=3 quality=high (1.25)", "search: optimization_results.yaml"]
    (workdir / "optimization_results.yaml").write_text(
        "solutions: [{params: {clip.seed: 3}, values: [1, 2]}, {params: {clip.seed: 4}, values: [2, 1000000000.0]}]\n"
    )
    assert best(workdir)[:2] == ["best: clip.seed=3 (1, 2)", "best: clip.seed=4 (2, -)"]
    (workdir / "optimization_results.yaml").write_text("solutions: 3\n")
    assert best(workdir) == [] and best(workdir / "nowhere") == []


def test_one_run_is_no_sweep(capsys):
    close_sweep([LOST])
    assert capsys.readouterr().out == ""


def test_combinations_without_a_run_are_named_on_the_page(workdir, capsys):
    roots = [make_run(workdir / "x-sweep" / f"clip.seed={seed}", [record("a", seed=seed)]).root for seed in (0, 1)]
    close_sweep([*(replace(done(root.name), root=root) for root in roots), LOST])
    assert "compared in x-sweep/comparison.html" in capsys.readouterr().out
    assert read_missing(workdir / "x-sweep") == [("clip.seed=2", "not started: no model")]
    assert "not started: no model" in (workdir / "x-sweep/comparison.html").read_text("utf-8")
