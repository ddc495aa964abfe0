from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vgpipe.store import run_list
from vgpipe.store.run_list import FOLDER, begin_list, forget_run, listed_since_s, note_run, noted_runs


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / ".store"


def noted(store: Path, run: Path) -> dict[str, object]:
    note_run(store, run)
    (path,) = (store / FOLDER).glob("*.json")
    return json.loads(path.read_text())


def test_a_run_is_noted_once_with_its_first_start(store, tmp_path):
    run = tmp_path / "outputs" / "film" / "1"
    first = noted(store, run)
    assert noted(store, run) == first and first["run"] == "../film/1"
    (found,) = noted_runs(store)
    assert found.root == run.resolve() and found.obstacle == "" and found.began_s == first["began"]


def test_runs_that_lie_beside_the_store_move_with_it(store, tmp_path):
    note_run(store, tmp_path / "outputs" / "film" / "1")
    shutil.move(tmp_path / "outputs", tmp_path / "moved")
    (found,) = noted_runs(tmp_path / "moved" / ".store")
    assert found.root == (tmp_path / "moved" / "film" / "1").resolve()


def test_a_run_elsewhere_is_gone_only_where_its_disk_is_there_and_the_machine_is_the_same(store, tmp_path, monkeypatch):
    run = tmp_path / "elsewhere" / "1"
    note_run(store, run)
    assert [one.obstacle for one in noted_runs(store)] == [""]
    monkeypatch.setattr(run_list.os.path, "ismount", lambda path: False)
    assert "is not mounted" in next(iter(noted_runs(store))).obstacle
    monkeypatch.undo()
    monkeypatch.setattr(run_list.socket, "gethostname", lambda: "other")
    assert "made on" in next(iter(noted_runs(store))).obstacle
    run.mkdir(parents=True)
    assert [one.obstacle for one in noted_runs(store)] == [""]


def test_a_forgotten_run_is_noted_no_more(store, tmp_path):
    note_run(store, tmp_path / "x")
    assert forget_run(store, tmp_path / "x") and not forget_run(store, tmp_path / "x") and noted_runs(store) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": 3, "began": 1.0}', '{"run": "x"}', "[" * 9999])
def test_a_note_that_cannot_be_read_is_skipped(store, text):
    begin_list(store)
    (store / FOLDER / "0.json").write_text(text)
    assert noted_runs(store) == []


def test_the_list_says_since_when_it_is_kept(store):
    before = listed_since_s(store)
    begin_list(store)
    (store / FOLDER / run_list.SINCE).write_text("1000")
    begin_list(store)
    assert before > 1e9 and listed_since_s(store) == 1000


def test_a_store_that_cannot_be_written_does_not_keep_a_run_from_starting(tmp_path, caplog):
    (tmp_path / "store").write_text("")
    note_run(tmp_path / "store", tmp_path / "run")
    assert "cannot be noted" in caplog.text
