"""The list of runs as the page gets it, and the data of a run's report."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.report.browsing import write_image
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.serve import gallery as gallery_module
from vgpipe.serve.files import Folder
from vgpipe.serve.gallery import Gallery


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(gallery_module, "REFRESH_S", 0.0)
    monkeypatch.setattr(gallery_module, "LOOK_S", 1e-9)
    for module in ("serve.gallery", "report.kept"):
        monkeypatch.setattr(f"vgpipe.{module}.MAX_SHARE", 1e9)


def listing(gallery, since=""):
    return json.loads(gallery.listing(since))


def end(run_dir, **counts):
    run_dir.append_event(
        "run_ended", **{"reason": "finished", "done": 0, "failed": 0, "stopped": 0, "pending": 0, **counts}
    )


@pytest.fixture
def runs(tmp_path):
    """Three runs: done, stopped and failed, in the order of their last records."""
    records = {
        "done": [record("a", files={"mp4": "videos/a.mp4", "poster": "sheets/a.poster.jpg"})],
        "stopped": [record("a"), record("b", state="stopped")],
        "failed": [record("a"), record("b", state="failed", error="decode: no memory")],
    }
    for age, (name, lines) in enumerate(records.items()):
        run_dir = make_run(tmp_path / "out" / name, lines, has_ended=False)
        states = [line["state"] for line in lines]
        end(run_dir, **{state: states.count(state) for state in ("done", "failed", "stopped")})
        os.utime(run_dir.clips, (1_800_000_000 + age,) * 2)
    write_image(tmp_path / "out" / "done" / "sheets" / "a.poster.jpg")
    return Gallery(Folder(tmp_path / "out"), "my out")


def test_a_run_of_drafts_says_so_shows_its_previews_and_tells_how_to_continue(tmp_path):
    root = tmp_path / "out" / "drafted"
    end(make_run(root, [record("a", state="drafted", files={"poster": "previews/a.jpg"})], has_ended=False), drafted=1)
    write_image(root / "previews" / "a.jpg")
    (run,) = listing(Gallery(Folder(tmp_path / "out"), "out"))["runs"]
    assert (run["state"], run["counts"]) == ("drafted", {"drafted": 1})
    assert run["pictures"] == ["runs/drafted/previews/a.jpg"]
    assert run["command"] == "python -m vgpipe continue out/drafted all"


def test_runs_with_state_counts_pictures_and_what_to_type(runs):
    found = {run["folder"]: run for run in listing(runs)["runs"]}
    done, stopped, failed = (found[name] for name in ("done", "stopped", "failed"))
    assert [done["state"], stopped["state"], failed["state"]] == ["done", "stopped", "failed"]
    assert done["url"] == "runs/done/report.html" and done["pictures"] == ["runs/done/sheets/a.poster.jpg"]
    assert stopped["counts"] == {"done": 1, "stopped": 1}
    assert stopped["command"] == "python -m vgpipe resume 'my out/stopped'" and done["command"] is None
    assert failed["failures"] == [["b", "decode: no memory"]] and not done["failures"]
    assert done["size"] > 0 and done["now"] is None and not done["is_active"]


def test_pictures_are_those_of_good_clips_first(tmp_path):
    files = {name: {"poster": f"sheets/{name}.jpg"} for name in "abcdef"}
    states = dict(zip("abcdef", ("failed", "done", "pending", "done", "done", "failed"), strict=True))
    make_run(tmp_path / "run", [record(name, state=states[name], files=files[name]) for name in files])
    for name in files:
        write_image(tmp_path / "run" / "sheets" / f"{name}.jpg")
    (run,) = listing(Gallery(Folder(tmp_path), "out"))["runs"]
    assert [url[-5] for url in run["pictures"]] == ["b", "d", "e", "a"]


def test_only_what_has_changed_is_sent(runs, tmp_path):
    first = listing(runs)
    second = listing(runs, first["version"])
    assert second["runs"] == [] and second["order"] == first["order"]
    run_dir = make_run(tmp_path / "out" / "new", [record("c")])
    run_dir.append_event("run_started", clips=1, job="a new one")
    third = listing(runs, second["version"])
    assert [run["folder"] for run in third["runs"]] == ["new"] and third["order"][0] == "new"
    for wrong in ("", "x", "-1", first["version"] + "0x", "other-99", "\u0661-\u0661"):
        assert len(listing(runs, wrong)["runs"]) == 4
    run_dir.clips.unlink()
    assert "new" not in listing(runs, third["version"])["order"]


def test_a_run_that_renders_comes_first_with_what_it_does(runs, tmp_path):
    run_dir = make_run(tmp_path / "out" / "old", [record(), record("b", state="pending")], has_ended=False)
    os.utime(run_dir.clips, (1, 1))
    with run_dir:
        run_dir.write_progress(
            {"time": time.time(), "fraction": 0.25, "stage": "denoise", "clip": "b", "step": 3, "steps": 9,
             "finish_at": time.time() + 100}
        )  # fmt: skip
        first = listing(runs)
        live = next(run for run in first["runs"] if run["folder"] == "old")
        assert first["order"][0] == "old" and live["state"] == "rendering" and live["command"] is None
        assert live["now"]["fraction"] == 0.25 and 95 <= live["now"]["left"] <= 100
        assert live["now"]["workers"] == [{"stage": "denoise", "clip": "b", "step": 3, "steps": 9}]
        run_dir.append_event("paused")
        (paused,) = listing(runs, first["version"])["runs"]
        assert paused["state"] == "paused" and paused["command"] == "python -m vgpipe continue 'my out/old'"
    after = listing(runs, first["version"])  # killed: nothing but the lock has changed
    assert [(run["folder"], run["state"]) for run in after["runs"]] == [("old", "interrupted")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_data(tmp_path, text):
    run_dir = make_run(tmp_path / "x y#?%&'", [record(state="failed", error=text, model=text)])
    run_dir.append_event("run_started", clips=1, job=text)
    gallery = Gallery(Folder(tmp_path), "out")
    raw = gallery.listing("")
    assert raw.isascii() and len(raw) < 3000
    (run,) = json.loads(raw)["runs"]
    assert run["job"] == text[:300] and run["failures"][0][1] == text[:300]
    assert run["url"] == "runs/x%20y%23%3F%25%26%27/report.html"


def test_runs_behind_links_out_and_hidden_ones_are_not_listed(tmp_path):
    make_run(tmp_path / "other" / "run", [record()])
    make_run(tmp_path / "out" / ".hidden" / "run", [record()])
    os.symlink(tmp_path / "other", tmp_path / "out" / "link")
    assert listing(Gallery(Folder(tmp_path / "out"), "out"))["runs"] == []


def test_a_folder_that_is_a_run_lists_itself(tmp_path):
    make_run(tmp_path, [record()])
    (run,) = listing(Gallery(Folder(tmp_path), "out"))["runs"]
    assert run["url"] == "runs/report.html"


def test_the_report_of_a_killed_run_does_not_say_that_it_is_alive(tmp_path):
    run_dir = make_run(tmp_path / "run", [record()], has_ended=False)
    for path in (run_dir.clips, run_dir.events):
        os.utime(path, (1_700_000_000,) * 2)
    gallery = Gallery(Folder(tmp_path), "out")
    place = gallery.folder.place_of(["run", "report-data.js"])
    assert '"written":1700000000' in gallery.run_data(place)
    with run_dir:
        data = json.loads(gallery.run_data(place).removeprefix("window.vgpipeReport = ").removesuffix(";\n"))
    assert time.time() - data["written"] < 60
    assert not (run_dir.report.exists() or run_dir.report_data.exists())  # nothing is written


def test_only_some_reports_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_module, "MAX_REPORTS", 2)
    gallery = Gallery(Folder(tmp_path), "out")
    for name in "abc":
        make_run(tmp_path / name, [record(name)])
        assert f"prompt of {name}" in gallery.run_data(gallery.folder.place_of([name, "report-data.js"]))
    assert list(gallery._reports) == [("b",), ("c",)]


def test_runs_of_a_sweep_are_compared_and_a_run_that_joins_is_seen(tmp_path):
    sweep = tmp_path / "out" / "job" / "2026-sweep"
    for name in ("seed=1", "seed=2"):
        end(make_run(sweep / name, [record("a", prompt="a fox")], has_ended=False), done=1)
    gallery = Gallery(Folder(tmp_path / "out"), "out")
    assert listing(gallery)["comparisons"] == ["job/2026-sweep"]
    page = gallery.comparison(("job", "2026-sweep"))
    assert page is not None and "a fox" in page and "seed=3" not in page
    end(make_run(sweep / "seed=3", [record("a", prompt="a fox")], has_ended=False), done=1)
    assert "seed=3" in gallery.comparison(("job", "2026-sweep"))


@pytest.mark.parametrize(
    "names", [(), ("job",), ("..", "out", "job", "2026-sweep"), ("job", "2026-sweep"), ("x-sweep",)]
)
def test_what_is_no_sweep_of_two_runs_has_no_comparison(tmp_path, names):
    make_run(tmp_path / "out" / "job" / "2026-sweep" / "seed=1", [record("a")])
    (tmp_path / "out" / "job" / "2026-sweep" / "seed=2").symlink_to(tmp_path)
    assert Gallery(Folder(tmp_path / "out"), "out").comparison(names) is None
