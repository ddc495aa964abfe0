from __future__ import annotations

import json
import shutil

import pytest

from tests.garbage.scene import Scene
from vgpipe.executor.run_records import RunRecords
from vgpipe.garbage.removal import alone
from vgpipe.runs.store_limit import keep_to_limit
from vgpipe.store.run_list import noted_runs
from vgpipe.store.rundir import RunDir


@pytest.fixture
def scene(workdir):
    return Scene(workdir)


def limited(scene, run, max_gb=1e-9):
    keep_to_limit(scene.store.root, max_gb, run.root, RunRecords(run, lambda reason: None))
    return run.read_events()


def test_what_the_run_exported_goes_and_an_event_says_so(scene, caplog):
    caplog.set_level("INFO")
    scene.make("clip", "encode", "denoise", "export", age_s=1)
    run = scene.run("film/1", {"clip": "done"}, age_s=0)
    (event,) = limited(scene, run)
    assert event["event"] == "store_freed" and event["items"] == {"latents": 1, "embeds": 1} and event["bytes"] > 800
    assert scene.has("clip", "encode", "denoise", "export") == [False, False, True]
    assert "with store.max_gb at 1e-09: freed" in caplog.text and "that kept runs need" in caplog.text


def test_a_store_below_its_limit_is_left_alone(scene):
    scene.make("clip", "encode", "denoise", "export")
    assert limited(scene, scene.run("film/1", {"clip": "done"}), max_gb=1) == []
    assert all(scene.has("clip", "encode", "denoise", "export"))


def test_a_run_ends_well_where_nothing_can_be_freed(scene, caplog):
    scene.make("clip", "encode", "denoise", "export")
    run = scene.run("film/1", {"clip": "done"})
    with alone(scene.store.root):
        assert limited(scene, run) == []
    (scene.store.root / "runs" / "since").unlink()
    (scene.store.root / "runs" / ".lock").unlink(missing_ok=True)
    scene.store.root.rename(scene.outputs / "moved")
    scene.store.root.write_text("")
    assert limited(scene, run) == [] and "nothing is freed" in caplog.text


def test_a_run_notes_itself_keeps_to_its_limit_and_is_found_again(render, workdir, monkeypatch):
    given = ("clip.prompt=a small red circle", "store.max_gb=0.000001", "checks=off")
    loses_next = loses_file_before_it_is_placed(monkeypatch)
    ran = render(*given)
    events = [event["event"] for event in map(json.loads, (ran.root / "events.jsonl").read_text().splitlines())]
    assert events[-2:] == ["store_freed", "run_ended"]
    store = workdir / "outputs" / ".store"
    assert [one.root for one in noted_runs(store)] == [(workdir / ran.root).resolve()]
    latents = ran.records()[0]["artifacts"]["latents"]
    assert not (store / "denoise" / latents[:2] / latents).exists()
    again = render(*given)
    assert again.code == 0 and [one["reused"] for one in again.records()] == [True]
    loses_next.append(True)
    third = render(*given)
    assert third.code == 0 and [one["reused"] for one in third.records()] == [False] and not loses_next


def loses_file_before_it_is_placed(monkeypatch):
    """Has a finished file vanish from the store, as garbage of another process, just before a run takes it."""
    loses_next, place = [True], RunDir.place

    def placed(self, kind, clip, sources, **taken):
        if loses_next:
            loses_next.pop()
            shutil.rmtree(sources[0].parent)
        return place(self, kind, clip, sources, **taken)

    monkeypatch.setattr(RunDir, "place", placed)
    return loses_next
