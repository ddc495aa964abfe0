"""What a run delivers where an encoder is missing, and what it says of it."""

from __future__ import annotations

import os

import pytest

from tests.exporters.clips import decoded, ffmpeg_without

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
JOB = "prompts:\n  - a small red circle moving left\n  - a large blue square\n"
H264 = ("libx264", "libopenh264", "mpeg4")


@pytest.fixture
def job(workdir):
    (workdir / "job.yaml").write_text(JOB)
    return ("job=job.yaml", "quality.num_inference_steps=2")


def test_a_stand_in_is_delivered_and_told_of(render, job, workdir, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(workdir, *H264)))
    ran = render(*job)
    assert ran.code == 0
    records = ran.records()
    for record in records:
        assert record["files"] == {"gif": f"videos/{record['clip']}.gif"} and record["state"] == "done"
        assert len(decoded(ran.root / record["files"]["gif"])[0]) == 5
        (told,) = record["degradations"]
        assert (told["kind"], told["asked"], told["got"]) == ("exporter", "mp4 (libx264)", "gif")
        assert told["reason"] == "ffmpeg failed (exit 8): Unknown encoder 'libx264'"
    assert [*(workdir / "calls").read_text().split()].count("libx264") == 1  # the canary's; nobody tries it again
    again = render(*job)  # from the store
    assert [one["degradations"] for one in again.records()] == [one["degradations"] for one in records]
    assert all(one["reused"] and list(one["files"]) == ["gif"] for one in again.records())


def test_without_ffmpeg_there_are_folders_of_frames(render, job, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", "/nowhere/ffmpeg")
    ran = render(*job, "executor.canary=false")
    assert ran.code == 0
    for record in ran.records():
        assert len(list((ran.root / record["files"]["frames"]).glob("*.png"))) == 5
        assert record["degradations"][0]["got"] == "frames"


@pytest.mark.parametrize(("name", "path"), [("sheet", "sheets/{}.png"), ("ffv1", "videos/{}.mkv")])
def test_other_kinds_are_delivered(render, job, name, path):
    ran = render(*job, f"exporter={name}", "executor.canary=false")
    assert ran.code == 0
    for record in ran.records():
        assert record["files"] == {name: path.format(record["clip"])} and not record["degradations"]
        assert (ran.root / record["files"][name]).is_file()


def test_a_full_disk_stops_the_run_and_nothing_stands_in(render, job, workdir, monkeypatch):
    fake = ffmpeg_without(workdir)
    fake.write_text("#!/bin/sh\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 228\n")
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    ran = render(*job, "executor.canary=false")
    assert ran.code == 3 and "No space left on device" in ran.err
    monkeypatch.delenv("VGPIPE_FFMPEG")
    assert render(*job, "executor.canary=false").code == 0
