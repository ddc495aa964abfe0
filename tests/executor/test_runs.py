from __future__ import annotations

import json

import pytest


@pytest.fixture
def stopped(render, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    ran = render("job=job.yaml", "run.budget=0s", "hydra.run.dir=run")
    assert ran.code == 3
    config = workdir / "run/config.yaml"
    config.write_text(config.read_text().replace("budget: 0s", "budget: null"))
    return workdir / "run"


def test_resume_needs_neither_job_nor_working_directory(stopped, vgpipe, workdir, tmp_path_factory, monkeypatch):
    (workdir / "job.yaml").unlink()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ran = vgpipe("resume", stopped)
    assert ran.code == 0 and "2 done" in ran.out
    assert len(list((stopped / "videos").glob("*.mp4"))) == 2


def test_resume_of_a_finished_run_brings_back_a_lost_video(stopped, vgpipe):
    vgpipe("resume", stopped)
    video = next((stopped / "videos").glob("*.mp4"))
    data = video.read_bytes()
    video.unlink()
    assert vgpipe("resume", stopped).code == 0
    assert video.read_bytes() == data


def test_a_run_whose_config_was_damaged_says_so(stopped, vgpipe):
    (stopped / "config.yaml").write_text("model: [")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "config.yaml cannot be read" in ran.err


def test_a_run_whose_config_holds_a_strange_key_names_it(stopped, vgpipe):
    (stopped / "config.yaml").write_text((stopped / "config.yaml").read_text() + "colour: red\n")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "colour" in ran.err


def test_a_clip_that_lost_a_setting_is_named(stopped, vgpipe):
    record = json.loads((stopped / "clips.jsonl").read_text().splitlines()[0])
    del record["seed"]
    (stopped / "clips.jsonl").write_text(json.dumps(record) + "\n")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "seed" in ran.err


def test_a_model_that_vanished_is_bad_usage_and_loses_nothing(stopped, vgpipe, workdir, tiny_wan):
    before = (stopped / "clips.jsonl").read_text()
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace(str(tiny_wan), str(workdir / "gone")))
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "model_index.json" in ran.err
    assert (stopped / "clips.jsonl").read_text() == before


def test_a_store_on_a_full_disk_fails_its_clips_and_says_why(render, workdir, monkeypatch):
    from vgpipe.store import artifacts

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "flush_file", full)
    ran = render("clip.prompt=a red circle")
    assert ran.code == 1 and "No space left on device" in ran.err and "Traceback" not in ran.err
