"""Drafts are continued in their run's directory, to the bits and the recipe of clips that were never drafted."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from vgpipe.commands.continue_run import names_in
from vgpipe.models.families.wan import WanFamily
from vgpipe.runs.run import Attempts
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.rundir import RunDir

PLAIN = ("executor.workers=1", "executor.canary=false", "exporter=frames", "run.sheet=false", "hardware.threads=1")


@pytest.fixture
def made(render, workdir: Path):
    """Renders a job into a directory that has a store of its own."""
    (workdir / "job.yaml").write_text("prompts: [{prompt: a small red circle, seeds: [1, 2]}]\n")

    def make(name: str, *more: str):
        places = (f"store.dir={name}/store", f"hydra.run.dir={name}/run")
        return render("job=job.yaml", *PLAIN, *places, *more)

    return make


def records(name: str) -> list[dict]:
    return RunDir(Path(name) / "run").read_clips()


def files_of(name: str) -> dict[str, bytes]:
    """Returns the latents in a store and the finished images of its run, with the recipes in them."""
    images, latents = Path(name, "run/frames"), Path(name, "store/denoise")
    return {
        str(path.relative_to(name)): path.read_bytes()
        for path in [*images.rglob("*.png"), *latents.rglob("*.safetensors")]
    }


def test_what_is_picked_is_continued_to_the_bits_of_a_clip_never_drafted(made, vgpipe, workdir, monkeypatch):
    assert made("whole").code == 0
    ran = made("drafts", "draft=1")
    assert ran.code == 0 and [one["state"] for one in records("drafts")] == ["drafted", "drafted"]
    assert all(one["files"]["frames"].startswith("previews/") and one["draft_steps"] == 1 for one in records("drafts"))
    again = made("drafts", "draft=1")
    assert again.code == 0 and "2 of 2 clips already in the store" in again.err
    assert made("drafts", "draft=2").code == 0
    assert Path("drafts/run/run.log").read_text().count("resumes at step 1") == 2
    ran = vgpipe("continue", "drafts/run")
    assert ran.code == 2 and "2 drafts of drafts/run" in ran.err and "vgpipe continue drafts/run all" in ran.err

    first = records("drafts")[0]["clip"]
    with monkeypatch.context() as patch:  # as where the process is killed once the picks are written

        def killed(*_: object, **__: object) -> None:
            raise OSError("killed")

        patch.setattr(Attempts, "make", killed)
        assert vgpipe("continue", "drafts/run", f"pick=[{first}]").code == 3
    os.rename("drafts", "moved")  # with the store, as to another machine
    ran = vgpipe("continue", "moved/run", f"pick=[{first}]", "store.dir=moved/store", "memory=staged")
    states = {one["clip"]: (one["state"], one["draft_steps"]) for one in records("moved")}
    assert ran.code == 0 and states.pop(first) == ("done", None) and [*states.values()] == [("drafted", 2)]
    assert "resumes at step 2" in Path("moved/run/run.log").read_text()
    assert vgpipe("continue", "moved/run", "all", "store.dir=moved/store").code == 0
    assert files_of("moved") == files_of("whole") and len(files_of("whole")) == 12
    assert sorted(path.name for path in Path("moved/run/previews").iterdir()) == sorted(
        one["clip"] for one in records("moved")
    )
    assert not list(Path("moved/store/checkpoint").rglob("*.safetensors"))


def test_a_finished_clip_is_no_draft_again(made):
    assert made("run", "draft=3").code == 0 and made("run", "hydra.run.dir=run/finals").code == 0
    again = made("run", "draft=3")
    assert again.code == 0 and "2 of 2 clips already in the store" in again.err
    told = [(one["state"], one["draft_steps"], one["reused"]) for one in records("run")]
    assert told == [("done", None, True)] * 2  # in the other run, that is


def test_a_draft_whose_checkpoint_is_lost_is_made_again(made):
    assert made("run", "draft=1").code == 0
    shutil.rmtree("run/store/checkpoint")
    assert made("run", "draft=1").code == 0
    assert len(list(Path("run/store/checkpoint").rglob("*.safetensors"))) == 2


def test_a_run_that_renders_is_left_alone(vgpipe, workdir):
    root = workdir / "run"
    with RunDir(root) as run_dir:
        run_dir.clips.write_text("")
        PauseFile(root).ask()
        ran = vgpipe("continue", "run", "all")
        assert ran.code == 2 and "run is in use" in ran.err and PauseFile(root).is_there
    for typed, words in (
        (("all",), "needs the directory of a run"),
        (("run", "best:0"), "does not say which drafts"),
        (("run", "pick=[]"), "does not say which drafts"),
        (("run", "all", "best:2"), "takes one of"),
    ):
        ran = vgpipe("continue", *typed)
        assert ran.code == 2 and words in ran.err, ran.err


def test_a_model_that_gives_no_previews_is_refused_before_anything_starts(made, monkeypatch):
    monkeypatch.setattr(WanFamily, "draft_obstacle", lambda _self: "it is run whole -> leave draft out")
    ran = made("run", "draft=1")
    assert ran.code == 2 and "draft: it is run whole -> leave draft out" in ran.err and not Path("run/run").exists()
    assert made("run", "draft=4").code == 0  # all the steps that a clip has


def test_a_file_picks_clips_by_their_ids_and_those_of_other_runs_by_their_picks(vgpipe, workdir):
    ids = {"a": "p0123abcd", "of-another-run": "p1123abcd", "unknown": ""}
    clips = [{"id": name, "pick": pick, "picked": True} for name, pick in ids.items()]
    Path("picks.json").write_text(json.dumps({"schema": 1, "clips": clips}))
    with RunDir(Path("run")) as run_dir:
        run_dir.write_clips([{"clip": "a", "state": "drafted"}])
    assert names_in("picks.json", Path("run")) == ("a", "p1123abcd", "unknown")
    ran = vgpipe("continue", "run", "pick=no.json")
    assert ran.code == 2 and "'no.json': there is no such file" in ran.err
