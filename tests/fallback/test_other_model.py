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
    return ("job=job.yaml", "quality.num_inference_steps=2", "run.sheet=false")


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
        assert record["files"][name] == path.format(record["clip"]) and not record["degradations"]
        assert (ran.root / record["files"][name]).is_file()


def test_a_full_disk_stops_the_run_and_nothing_stands_in(render, job, workdir, monkeypatch):
    fake = ffmpeg_without(workdir)
    fake.write_text("#!/bin/sh\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 228\n")
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    ran = render(*job, "executor.canary=false")
    assert ran.code == 3 and "No space left on device" in ran.err
    monkeypatch.delenv("VGPIPE_FFMPEG")
    assert render(*job, "executor.canary=false").code == 0


def test_a_stand_in_makes_way_once_the_encoder_is_back(render, job, workdir, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(workdir, *H264)))
    options = (*job, "executor.canary=false", "hydra.run.dir=here")
    gifs = [record["files"]["gif"] for record in render(*options).records()]
    assert list(render(*options).records()[-1]["files"]) == ["gif"]  # still missing: the store's is good enough
    monkeypatch.delenv("VGPIPE_FFMPEG")
    ran = render(*options)
    assert ran.code == 0
    for record, gif in zip(ran.records()[-2:], gifs, strict=True):
        assert list(record["files"]) == ["mp4"] and record["degradations"] == []
        assert (ran.root / record["files"]["mp4"]).is_file() and not (ran.root / gif).exists()


def test_strict_lets_nothing_stand_in(render, job, workdir, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(workdir, *H264)))
    options = (*job, "executor.canary=false")
    ran = render(*options, "run.degrade=strict")
    assert ran.code == 1 and "Unknown encoder 'libx264'" in ran.records()[-1]["error"]
    assert (workdir / "calls").read_text().split() == ["libx264"]  # once, for both clips
    assert render(*options).code == 0  # a stand-in, in the store from now on
    assert render(*options, "run.degrade=strict").code == 1
    monkeypatch.delenv("VGPIPE_FFMPEG")
    ran = render(*options, "run.degrade=strict")
    assert ran.code == 0 and list(ran.records()[-1]["files"]) == ["mp4"]


def test_several_exporters_deliver_several_files(render, job, workdir, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(workdir, *H264)))
    ran = render(*job, "exporter=mp4+gif+webm+frames", "also.gif.dither=none", "executor.canary=false")
    assert ran.code == 0
    for record in ran.records():
        name = record["clip"]
        assert record["files"] == {
            "gif": f"videos/{name}.gif",
            "webm": f"videos/{name}.webm",
            "frames": f"frames/{name}",
            "gif_2": f"videos/{name}.gif_2.gif",  # in place of the mp4
        }
        assert [one["asked"] for one in record["degradations"]] == ["mp4 (libx264)"]
        assert all((ran.root / path).exists() for path in record["files"].values())
    monkeypatch.delenv("VGPIPE_FFMPEG")
    files = render(*job, "exporter=[mp4_hevc,mp4]", "executor.canary=false").records()[0]["files"]
    assert files == {"mp4_hevc": f"videos/{name_of(files)}.mp4", "mp4": f"videos/{name_of(files)}.mp4.mp4"}


def name_of(files: dict[str, str]) -> str:
    return next(iter(files.values())).removeprefix("videos/").removesuffix(".mp4")


def test_a_clip_has_a_sheet_a_still_and_measures(render, job):
    record = render(*job[:-1], "executor.canary=false").records()[-1]
    name = record["clip"]
    assert record["files"]["sheet"] == f"sheets/{name}.png" and record["files"]["poster"] == f"sheets/{name}.poster.jpg"
    assert set(record["measures"]) == {"sharpness", "contrast", "motion", "flicker"}


def test_frames_that_vanish_in_the_middle_of_an_export_are_made_again(render, job, monkeypatch):
    from vgpipe.executor.delivery import ExportDelivery
    from vgpipe.exporters.joined_frames import JoinedFrames

    exported, original, lost = ExportDelivery._export, JoinedFrames.__iter__, []

    def noting(self, state, number):
        lost[:] = lost or [(self._store, state.keys.frames)]
        return exported(self, state, number)

    def vanishing(self):
        for number, frame in enumerate(original(self)):
            if number == 2 and len(lost) == 1:
                store, key = lost[0]
                store.discard(key)
                lost.append(key)
                raise FileNotFoundError("the frames were taken away")
            yield frame

    monkeypatch.setattr(ExportDelivery, "_export", noting)
    monkeypatch.setattr(JoinedFrames, "__iter__", vanishing)
    ran = render(*job, "executor.canary=false")
    assert ran.code == 0 and len(lost) == 2 and "making them again" in ran.err


def test_a_file_that_was_made_is_not_made_again_for_the_sake_of_another(render, job, monkeypatch):
    from vgpipe.errors import ExportError
    from vgpipe.exporters.mp4 import Mp4Exporter
    from vgpipe.exporters.videos import GifExporter

    options = (*job, "executor.canary=false", "exporter=mp4+gif")
    with monkeypatch.context() as broken:

        def full(*_: object, **__: object) -> None:
            raise ExportError("the folder is gone")

        broken.setattr(GifExporter, "export", full)
        ran = render(*options)
        assert ran.code == 1 and "the folder is gone" in ran.records()[-1]["error"]
    monkeypatch.setattr(Mp4Exporter, "export", lambda *_, **__: pytest.fail("the mp4 is in the store"))
    ran = render(*options)
    assert ran.code == 0 and set(ran.records()[0]["files"]) == {"mp4", "gif"}
