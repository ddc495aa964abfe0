"""Runs compared."""

from __future__ import annotations

import json
import os
import re

import pytest

from tests.report.runs import HOSTILE, make_run, record
from vgpipe.errors import StoreError, UsageError
from vgpipe.report.compare import SCRIPTS, build_comparison, comparison
from vgpipe.report.grid import cells
from vgpipe.report.page import VIEWER_SCRIPTS, asset
from vgpipe.store.rundir import RunDir
from vgpipe.store.sweep_record import write_missing


def two_runs(tmp_path):
    one = make_run(tmp_path / "x" / "a b", [record("a", prompt="p"), record("b", prompt="q")])
    two = make_run(
        tmp_path / "y" / "a b", [record("c", prompt="q", seconds={"denoise": 3.0}), record("d", prompt="new")]
    )
    return [one, two]


def a_sweep(folder):
    """Returns the runs of `quality=quick,standard clip.seed=0,1` with two prompts, as their shell lists them."""
    swept = [(name, seed) for name in ("quick", "standard") for seed in (0, 1)]
    runs = [
        make_run(
            folder / f"clip.seed={seed},quality={name}",
            [record(f"{prompt}{name}{seed}", prompt=prompt, seed=seed) for prompt in "pq"],
        )
        for name, seed in swept
    ]
    for run, (name, _) in zip(runs, swept, strict=True):
        run.write_config(f"quality: {{steps_scale: {0.25 if name == 'quick' else 1.0}}}\n")
    return sorted(runs, key=lambda run: run.root)


def test_every_cell_of_a_sweep_is_filled(tmp_path):
    data = comparison(a_sweep(tmp_path / "x-sweep"), tmp_path / "x-sweep")
    axes = {axis["key"]: axis["values"] for axis in data["axes"]}
    assert axes == {"quality": ("quick", "standard"), "clip.seed": ("0", "1")}
    assert data["axes"][0]["changes"] == [["quality.steps_scale", "0.25", "1.0"]] and data["others"] == []
    assert [row["prompt"] for row in data["rows"]] == ["p", "q"] and [row["seed"] for row in data["rows"]] == [None] * 2
    filled = {(row, *run["at"]) for run, found in zip(data["runs"], data["cells"], strict=True) for row, _ in found}
    assert len(filled) == 2 * 2 * 2
    assert data["without"] == [] and data["runs"][0]["done"] == 2 and data["runs"][0]["page"] is None


def test_combinations_without_a_run_are_named(tmp_path):
    runs = a_sweep(tmp_path / "x-sweep")
    write_missing(tmp_path / "x-sweep", [("quality=high", "not started: no memory")])
    assert comparison(runs, tmp_path)["without"] == [("quality=high", "not started: no memory")]
    other = make_run(tmp_path / "other", [record("a")])
    assert comparison([*runs, other], tmp_path)["without"] == []


def test_rows_are_prompts_and_files_are_those_of_the_run(tmp_path):
    data = comparison(two_runs(tmp_path), tmp_path)
    found = [[(data["rows"][row]["prompt"], cell["files"][0]["url"]) for row, cell in cells] for cells in data["cells"]]
    assert found == [
        [("p", "./x/a%20b/videos/a.mp4"), ("q", "./x/a%20b/videos/b.mp4")],
        [("q", "./y/a%20b/videos/c.mp4"), ("new", "./y/a%20b/videos/d.mp4")],
    ]
    assert [run["name"] for run in data["runs"]] == ["x/a b", "y/a b"]
    assert data["axes"][0]["values"] == ("x/a b", "y/a b")


def test_settings_that_no_axis_decides_are_told_of_each_run(tmp_path):
    runs = [make_run(tmp_path / name, [record("a", num_frames=at + 1)]) for at, name in enumerate("abcd")]
    for run, (scale, keep) in zip(runs, ((1, 1), (1, 2), (2, 1), (2, 1)), strict=True):
        run.write_config(f"quality: {{steps_scale: {scale}, keep: {keep}}}\nrun: {{until: '{scale}'}}\n")
    data = comparison(runs, tmp_path)
    assert [axis["key"] for axis in data["axes"]] == ["run"]  # two runs have the same settings
    assert data["axes"][0]["changes"] == [
        ["quality.steps_scale", "1", "1", "2", "2"],
        ["quality.keep", "1", "2", "1", "1"],
    ]
    lines = {name: values for name, *values in data["lines"]}
    assert lines["frames"] == ["1", "2", "3", "4"] and lines["quality.steps_scale"] == ["1", "1", "2", "2"]


def test_a_large_grid_has_short_cells(tmp_path, monkeypatch):
    runs = two_runs(tmp_path)
    assert "command" in comparison(runs, tmp_path)["cells"][0][0][1]
    monkeypatch.setattr(cells, "MANY_CLIPS", 3)
    short = comparison(runs, tmp_path)["cells"][0][0][1]
    assert "command" not in short and short["files"] and short["seconds"]


def test_the_page_has_its_scripts_and_no_address_of_elsewhere(tmp_path):
    text = build_comparison(a_sweep(tmp_path / "x-sweep"), tmp_path / "c.html").read_text("utf-8")
    assert text.count("<script>") == len(SCRIPTS) + 1
    assert not re.search(r"""(src|href)=["']?https?:""", text) and " style=" not in text and "innerHTML" not in text
    for name in VIEWER_SCRIPTS:
        assert asset(f"templates/{name}.js") in text
    assert asset("templates/viewer/viewer.css") in text
    assert "vgpipeViewer.init(" in asset("templates/comparison/compare.js")
    data = text.split("window.vgpipeComparison = ")[1].split(";\n</script>")[0]
    assert json.loads(data)["axes"][0]["label"] == "quality"


@pytest.mark.parametrize("value", [None, 7, "text", [1], {"x": {"y": []}}, float("nan")], ids=repr)
def test_hostile_records_and_configs(tmp_path, value):
    one = record("a")
    runs = [make_run(tmp_path / "one", [{**one, "clip": key, key: value} for key in one if key != "clip"])]
    runs.append(make_run(tmp_path / "two", [record("a", prompt=HOSTILE["html"], files={"mp4": "../one/videos/a.mp4"})]))
    runs[0].write_config("model: &a [1, {b: 2}]\nother: *a\n")
    text = build_comparison(runs, tmp_path / "c.html").read_text("utf-8")
    assert "</script><script>window.pwned" not in text and "../one" not in text


def test_it_is_written_at_once(tmp_path, monkeypatch):
    runs = two_runs(tmp_path)
    build_comparison(runs, tmp_path / "c.html")
    before = (tmp_path / "c.html").read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StoreError, match="disk full"):
        build_comparison(runs, tmp_path / "c.html")
    assert (tmp_path / "c.html").read_bytes() == before


def test_no_run_is_no_comparison(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        comparison([RunDir(tmp_path / "no")], tmp_path)
