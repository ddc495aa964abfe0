"""Runs beside each other."""

from __future__ import annotations

import os

import pytest

from tests.report.runs import HOSTILE, make_run, record
from vgpipe.errors import StoreError, UsageError
from vgpipe.report.compare import build_comparison, comparison
from vgpipe.store.rundir import RunDir


def two_runs(tmp_path):
    one = make_run(tmp_path / "x" / "a b", [record("a", prompt="p"), record("b", prompt="q")])
    two = make_run(
        tmp_path / "y" / "a b", [record("c", prompt="q", seconds={"denoise": 3.0}), record("d", prompt="new")]
    )
    return [one, two]


def test_rows_are_prompts_and_columns_runs(tmp_path):
    data = comparison(two_runs(tmp_path), tmp_path)
    cells = [(row["prompt"], *[cell and cell["files"][0]["url"] for cell in row["cells"]]) for row in data["rows"]]
    assert cells == [
        ("p", "./x/a%20b/videos/a.mp4", None),
        ("q", "./x/a%20b/videos/b.mp4", "./y/a%20b/videos/c.mp4"),
        ("new", None, "./y/a%20b/videos/d.mp4"),
    ]
    assert [run["name"] for run in data["runs"]] == ["x/a b", "y/a b"]
    assert data["shared"] == 1


def test_the_same_prompt_twice_has_two_rows(tmp_path):
    runs = [make_run(tmp_path / name, [record("a", prompt="p"), record("b", prompt="p")]) for name in ("one", "two")]
    assert [None in row["cells"] for row in comparison(runs, tmp_path)["rows"]] == [False, False]


def test_costs_and_different_settings(tmp_path):
    runs = two_runs(tmp_path)
    runs[0].write_config("quality: {steps_scale: 1.0, a: null}\nmodel: {name: shapes}\n")
    runs[1].write_config("quality: {steps_scale: 0.4}\nmodel: {name: shapes}\n")
    data = comparison(runs, tmp_path)
    assert data["settings"] == [["quality.steps_scale", "1.0", "0.4"]]
    costs = {row[0].strip(): row[1:] for row in data["costs"]}
    assert costs["clips done"] == ["2 of 2", "2 of 2"] and costs["denoise"] == ["1.00", "2.00"]
    assert costs["RAM of the process, GiB"] == ["0.60", "0.60"]


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
