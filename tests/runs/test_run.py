from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.runs import run_record
from vgpipe.runs.run import _begin_again
from vgpipe.store.rundir import RunDir


@pytest.fixture
def stopped(render, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    ran = render("job=job.yaml", "run.budget=0s", "hydra.run.dir=run")
    assert ran.code == 3
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


def test_a_video_that_was_edited_in_place_is_made_again(stopped, vgpipe, workdir):
    vgpipe("resume", stopped)
    video = next((stopped / "videos").glob("*.mp4"))
    data = video.read_bytes()
    with video.open("r+b") as file:  # the file in the store is the same one
        file.seek(-40, 2)
        file.write(b"edited")
    ran = vgpipe("resume", stopped)
    assert ran.code == 0 and "set aside" in ran.err and "checksum of video.mp4" in ran.err
    assert video.read_bytes() == data
    kept = next(workdir.glob("outputs/.store/export/*/bad-*/video.mp4"))
    assert kept.read_bytes() != data and len(kept.read_bytes()) == len(data)


def test_a_run_whose_config_was_damaged_says_so(stopped, vgpipe):
    (stopped / "config.yaml").write_text("model: [")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "config.yaml cannot be read" in ran.err


def test_a_run_whose_config_holds_a_strange_key_names_it(stopped, vgpipe):
    (stopped / "config.yaml").write_text((stopped / "config.yaml").read_text() + "colour: red\n")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "colour" in ran.err


def made_by_an_older_version(root):
    """Takes away what older versions did not write: the checksums of the lines, and run.json."""
    records = [json.loads(line) for line in (root / "clips.jsonl").read_text().splitlines()]
    for record in records:
        del record["checksum"]
    (root / "clips.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (root / "run.json").unlink()
    return records


@pytest.mark.parametrize(
    ("key", "value"), [("seed", None), ("fps", None), ("width", "64"), ("clip", "../../evil"), ("clip", ".x")]
)
def test_a_clip_of_an_old_run_that_was_tampered_with_is_refused_by_name(stopped, vgpipe, key, value):
    record = made_by_an_older_version(stopped)[0]
    (stopped / "clips.jsonl").write_text(json.dumps(record | {key: value}) + "\n")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and key in ran.err and "Traceback" not in ran.err


def test_a_run_of_an_older_version_is_taken_with_a_note_and_checked_from_then_on(stopped, vgpipe):
    made_by_an_older_version(stopped)
    ran = vgpipe("resume", stopped, "run.budget=0s")
    assert ran.code == 3 and "an older version began this run" in ran.err
    again = vgpipe("resume", stopped, "run.budget=0s")
    assert again.code == 3 and "older version" not in again.err and (stopped / "run.json").is_file()


def test_a_run_without_clips_is_no_success(stopped, vgpipe):
    made_by_an_older_version(stopped)
    (stopped / "clips.jsonl").write_text("")
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "lists no clips" in ran.err


def test_a_resumed_run_takes_new_limits_and_nothing_else(stopped, vgpipe):
    assert vgpipe("resume", stopped, "run.budget=0s").code == 3
    assert "a resumed run keeps its settings" in vgpipe("resume", stopped, "quality=high").err
    assert vgpipe("resume", stopped, "run.budget=8h").code == 0


def test_resume_of_a_finished_run_keeps_what_was_measured(stopped, vgpipe):
    first = vgpipe("resume", stopped).records()
    again = vgpipe("resume", stopped).records()
    assert [record["seconds"] for record in again] == [record["seconds"] for record in first]
    assert all(record["peak_ram_gb"] for record in again) and not any(record["reused"] for record in again)


def test_an_unfinished_run_is_not_pushed_out_by_another_job(stopped, render, workdir):
    (workdir / "other.yaml").write_text("prompts: [a black circle]\n")
    ran = render("job=other.yaml", "hydra.run.dir=run")
    assert ran.code == 2 and "unfinished run of other clips" in ran.err and "resume run" in ran.err
    assert len((stopped / "clips.jsonl").read_text().splitlines()) == 2


def test_line_separators_inside_prompts_lose_no_clip(render, vgpipe, workdir):
    (workdir / "u.txt").write_bytes("a red circle\u2028moving left\na blue square\n".encode())
    ran = render("job=u.txt", "run.budget=0s")
    assert next(record["prompt"] for record in ran.records()) == "a red circle\u2028moving left"
    assert "2 done" in vgpipe("resume", ran.root).out


def test_a_relative_model_folder_is_found_from_anywhere(vgpipe, workdir, tiny_wan, tmp_path_factory, monkeypatch):
    from tests.conftest import SMALL

    (workdir / "model").symlink_to(tiny_wan)
    ran = vgpipe("clip.prompt=a", "model.id=model", *SMALL, "run.budget=0s", "hydra.run.dir=run")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert ran.code == 3 and vgpipe("resume", workdir / "run").code == 0


def test_a_directory_in_use_is_one_message(render, workdir):
    with RunDir(workdir / "run"):
        ran = render("clip.prompt=a", "hydra.run.dir=run")
    assert ran.code == 2 and "in use" in ran.err and "Traceback" not in ran.err


def test_a_run_directory_that_cannot_be_made_is_one_message(render, workdir):
    (workdir / "file").write_text("")
    ran = render("clip.prompt=a", "hydra.run.dir=file")
    assert ran.code == 2 and "file" in ran.err and "Traceback" not in ran.err


def test_a_store_that_cannot_be_written_is_told_before_anything_loads(render, workdir, monkeypatch):
    (workdir / "file").write_text("")
    ran = render("clip.prompt=a", "store.dir=file/store")
    assert ran.code == 2 and "store.dir" in ran.err and "loaded" not in ran.err
    assert not (workdir / "outputs").exists()


def test_a_file_that_cannot_be_placed_fails_only_its_clip(render, workdir, monkeypatch):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    place = RunDir.place

    def refuse(self, kind, name, *rest, **named):
        if name.startswith("a-red-circle"):
            raise OSError(5, "Input/output error")
        return place(self, kind, name, *rest, **named)

    monkeypatch.setattr(RunDir, "place", refuse)
    ran = render("job=job.yaml", "hydra.run.dir=run")
    assert ran.code == 1
    assert [record["state"] for record in ran.records()] == ["failed", "done"]
    assert not list((workdir / "run").rglob(".tmp-*"))


def test_a_model_that_vanished_is_bad_usage_and_loses_nothing(stopped, vgpipe, workdir, tiny_wan):
    made_by_an_older_version(stopped)
    before = (stopped / "clips.jsonl").read_text()
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace(str(tiny_wan), str(workdir / "gone")))
    ran = vgpipe("resume", stopped)
    assert ran.code == 2 and "nothing is there" in ran.err
    assert (stopped / "clips.jsonl").read_text() == before


def test_a_store_on_a_full_disk_stops_the_run_resumable(render, workdir, monkeypatch):
    from vgpipe.store import artifacts

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "flush_file", full)
    ran = render("clip.prompt=a red circle")
    assert ran.code == 3 and "No space left on device" in ran.err and "Traceback" not in ran.err
    monkeypatch.undo()


def test_drafts_picked_in_a_run_of_an_older_version_are_noted_with_what_it_lacks(tmp_path):
    values = {"draft": 8}
    clips = [replace(PLAIN, id=name) for name in "ab"]
    with RunDir(tmp_path) as run_dir:
        run_dir.write_clips([{"clip": "a"}, {"clip": "b"}])
        _begin_again(run_dir, values, clips, {"b"})
        found = run_record.checked(run_dir, values)
    assert found.is_checked and found.picked == {"b"}
