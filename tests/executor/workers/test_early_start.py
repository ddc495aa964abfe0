"""The host of workers starts while a run is planned, where the run will probably have several workers."""

from __future__ import annotations

import psutil
import pytest

from tests.conftest import SMALL
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import StoreError
from vgpipe.executor.workers import host_process
from vgpipe.executor.workers.early_start import classes_of
from vgpipe.executor.workers.host_process import end_host
from vgpipe.runs.attempts import Attempts

TWO = "prompts: [a red circle, a blue square]\n"


@pytest.fixture
def planned(workdir, tiny_wan):
    """Plans a job of two clips; returns the host that then runs, as a process."""
    (workdir / "job.yaml").write_text(TWO)

    def plan(*overrides: str) -> psutil.Process | None:
        config = load(["job=job.yaml", f"model.id={tiny_wan}", *SMALL, "run.plan=off", *overrides])
        Attempts(config).plan(request(config).clips)
        host = host_process._KEPT.host
        return host and psutil.Process(host.pid)

    yield plan
    end_host()


def test_a_run_of_several_workers_has_a_host_from_its_plan_on(planned):
    host = planned("executor.workers=2")
    assert host.is_running() and host.cmdline()[-1] == "diffusers:AutoencoderKLWan"
    assert planned("executor.workers=2") == host  # a further run of this process takes the same
    end_host()
    assert not host.is_running()


def test_another_environment_needs_another_host(planned, monkeypatch):
    first = planned("executor.workers=2")
    monkeypatch.setenv("HF_HUB_CACHE", "/elsewhere")
    second = planned("executor.workers=2")
    assert second.is_running() and second != first and not first.is_running()


def test_a_run_of_one_worker_starts_none(planned):
    assert planned("executor.workers=1") is None
    assert planned("executor.workers=auto") is None  # two clips are too few to share


def test_a_job_that_cannot_start_leaves_none(planned, workdir):
    (workdir / "file").touch()
    with pytest.raises(StoreError):
        planned("executor.workers=2", "store.dir=file")
    assert host_process._KEPT.host is None


def test_a_finished_job_starts_none(planned, vgpipe, tiny_wan):
    assert vgpipe("job=job.yaml", f"model.id={tiny_wan}", *SMALL, "exporter=frames").code == 0
    assert planned("executor.workers=2", "exporter=frames") is None


def test_the_classes_of_a_model_are_those_that_its_index_names():
    index = {
        "_class_name": "WanPipeline",
        "_diffusers_version": "0.35",
        "vae": ["diffusers", "AutoencoderKLWan"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "image_encoder": [None, None],
        "own": ["os", "system"],
    }
    assert classes_of(index) == ["diffusers:WanPipeline", "diffusers:AutoencoderKLWan", "transformers:UMT5EncoderModel"]
