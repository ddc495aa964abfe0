"""What a config asks for: which files a run makes of a clip, and what they take; how its job is read."""

from __future__ import annotations

import gc

import pytest

from vgpipe.clips.from_config import file_bytes_per_pixel
from vgpipe.clips.requested import exporters_of, quality_settings, request
from vgpipe.config.exporter_schema import EXPORTERS
from vgpipe.config.load import load
from vgpipe.errors import JobError
from vgpipe.exporters.sizes import BYTES_PER_PIXEL, bytes_per_pixel


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ([], ["mp4", "sheet"]),
        (["run.sheet=false"], ["mp4"]),
        (["exporter=mp4+gif"], ["mp4", "gif", "sheet"]),
        (["exporter=sheet"], ["sheet"]),
        (["exporter=mp4+sheet", "also.sheet.columns=2"], ["mp4", "sheet"]),
        (["exporter=gif", "also.small.name=gif", "also.small.upscale_factor=0.5"], ["gif", "gif", "sheet"]),
        (["exporter=gif", "also.again.name=gif"], ["gif", "sheet"]),
    ],
)
def test_each_file_is_made_once(typed, names):
    found = exporters_of(load(typed))
    assert [one["name"] for one in found] == names
    assert all(one.get("columns", 2) == 2 for one in found) or "also.sheet.columns=2" not in typed


def test_every_kind_has_a_size_and_more_files_take_more():
    assert set(BYTES_PER_PIXEL) == set(EXPORTERS)
    one, two = (file_bytes_per_pixel(load([f"exporter={kinds}"])) for kinds in ("mp4", "mp4+ffv1"))
    assert two - one == pytest.approx(BYTES_PER_PIXEL["ffv1"])


def test_another_size_or_rate_counts():
    plain = bytes_per_pixel({"name": "mp4"}, height=480, fps=16)
    assert bytes_per_pixel({"name": "mp4", "upscale_factor": 2.0}, height=480, fps=16) == pytest.approx(4 * plain)
    assert bytes_per_pixel({"name": "mp4", "upscale_height": 240}, height=480, fps=16) == pytest.approx(plain / 4)
    assert bytes_per_pixel({"name": "mp4", "fps": 32.0}, height=480, fps=16) == pytest.approx(2 * plain)


def test_the_collector_rests_while_a_job_is_read(monkeypatch, tmp_path):
    (tmp_path / "job.yaml").write_text("prompts: [a red circle]\n")
    seen = []

    def build_job(*_):
        seen.append(gc.isenabled())
        raise JobError("read", [])

    monkeypatch.setattr("vgpipe.job.reading.validate.build_job", build_job)
    gc.enable()
    with pytest.raises(JobError, match="read"):
        request(load([f"job={tmp_path / 'job.yaml'}"]))
    assert seen == [False] and gc.isenabled()


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        (["model=ltx_video_distilled", "quality=quick"], 4),
        (["model=ltx_video_distilled", "quality=high"], 12),
        (["model=ltx_video_distilled", "quality.num_inference_steps=2"], 2),
        (["model=ltx2_distilled", "quality=high"], 8),
        (["model=ltx2_distilled_two_stage", "quality=quick"], 11),
        (["model=wan22_t2v_a14b_lightning", "quality=quick"], 4),
        (["model=wan21_t2v_14b_lightx2v", "quality=quick"], 4),
        (["model=wan22_t2v_a14b", "quality=quick"], 10),
        (["model=anyflow_wan", "quality=quick"], 1),
        (["model=anyflow_wan", "quality=high"], 6),
        (["model=anyflow_wan", "quality.steps_scale=10"], 32),
        (["model=anyflow_wan", "quality.num_inference_steps=40"], 40),
    ],
)
def test_a_preset_gives_steps_that_a_model_was_distilled_for(typed, steps):
    config = load(typed)
    assert quality_settings(config.quality, config.model)["num_inference_steps"] == steps
