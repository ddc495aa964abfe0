"""Runs on a grid."""

from __future__ import annotations

from itertools import product

from tests.report.grid.runs import clips, started
from vgpipe.report.grid.layout import layout_of


def laid(runs, columns, names=()):
    layout = layout_of(runs, columns, names or [f"run {number}" for number in range(len(runs))])
    cells = [(row, *(axis.at[run] for axis in layout.axes)) for run, rows in enumerate(layout.row_of) for row in rows]
    assert len(set(cells)) == len(cells), "two clips in one cell"
    return layout, len(cells)


def test_a_sweep_fills_its_grid(tmp_path):
    swept = list(product(("quick", "standard"), (0, 1)))
    runs = [started(f"quality={name}", f"clip.seed={seed}") for name, seed in swept]
    layout, filled = laid(runs, [clips(tmp_path, ("p", seed), ("q", seed)) for _, seed in swept])
    assert [axis.key for axis in layout.axes] == ["quality", "clip.seed"]
    assert len(layout.rows) == 2 and filled == 2 * 2 * 2


def test_prompts_that_are_swept_are_rows(tmp_path):
    runs = [started(f"clip.prompt={prompt}", f"quality={name}") for prompt in "pq" for name in ("quick", "high")]
    layout, filled = laid(runs, [clips(tmp_path, (prompt, 0)) for prompt in "ppqq"])
    assert [axis.key for axis in layout.axes] == ["quality"] and len(layout.rows) == 2 and filled == 4


def test_a_search_is_a_list_of_combinations(tmp_path):
    runs = [
        started(f"clip.guidance_scale={1 + at / 8}", f"clip.num_inference_steps={10 + at}", at=at) for at in range(5)
    ]
    runs += [started("clip.guidance_scale=1.0", "clip.num_inference_steps=11", at=5)]
    layout, _ = laid(runs, [clips(tmp_path, ("p", 0))] * 6)
    (axis,) = layout.axes
    assert axis.key == "combination" and axis.values[0] == "guidance_scale=1.0 num_inference_steps=10"
    assert [line.label for line in layout.lines] == ["guidance_scale", "num_inference_steps"]


def test_two_sweeps_of_the_same_have_their_folders_as_an_axis(tmp_path):
    runs = [
        started(f"quality={name}", parent=parent) for parent in ("a-sweep", "b-sweep") for name in ("quick", "high")
    ]
    layout, _ = laid(runs, [clips(tmp_path, ("p", 0))] * 4)
    assert [(axis.key, axis.values) for axis in layout.axes] == [
        ("quality", ("quick", "high")),
        ("folder", ("a-sweep", "b-sweep")),
    ]


def test_runs_that_nothing_sets_apart_are_columns_by_their_name(tmp_path):
    layout, _ = laid(
        [started("quality=quick"), started("quality=quick")], [clips(tmp_path, ("p", 0), ("p", 1))] * 2, ["one", "two"]
    )
    assert [(axis.key, axis.values) for axis in layout.axes] == [("run", ("one", "two"))] and len(layout.rows) == 2
    again = [
        started("quality=quick", "clip.seed=0"),
        started("quality=high", "clip.seed=0"),
        started("quality=high", "clip.seed=0"),
    ]
    layout, _ = laid(again, [clips(tmp_path, ("p", 0))] * 3)
    assert [axis.key for axis in layout.axes] == ["run"] and [line.key for line in layout.lines] == ["quality"]


def test_runs_without_clips_are_no_fault(tmp_path):
    layout, filled = laid([started(), started()], [[], []])
    assert layout.rows == () and filled == 0
