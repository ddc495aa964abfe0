"""What the files of a run tell of how it was started."""

from __future__ import annotations

import pytest

from tests.report.runs import make_run, record
from vgpipe.report.grid.settings import settings_of

CONFIG = "quality: {steps_scale: 0.5, keep: null}\nrun: {until: '07:00'}\nstore: {dir: /elsewhere}\ndrawn_from: 7\n"


def test_the_first_start_tells_the_overrides(tmp_path):
    run_dir = make_run(tmp_path / "some-name", [record()])
    with run_dir:
        words = ["++quality=quick", "clip.prompt='a, b'", "~notify", "run.until=7:00", 3]
        run_dir.append_event("run_started", clips=1, overrides=words)
        run_dir.append_event("run_started", clips=1, overrides=["quality=high"])
    run_dir.write_config(CONFIG)
    found = settings_of(run_dir)
    assert found.overrides == {"quality": "quick", "clip.prompt": "a, b"}
    assert found.values == {"quality.steps_scale": "0.5"} and found.started_at > 0


@pytest.mark.parametrize(
    "folder, overrides",
    [
        ("x-sweep/clip.seed=0,quality=quick", {"clip.seed": "0", "quality": "quick"}),
        ("x-sweep/model.loras=a,b,clip.seed=1", {"model.loras": "a,b", "clip.seed": "1"}),
        ("x-sweep/clip.prompt=a_b-0123abcd", None),  # shortened: what was typed is not known
        ("x-sweep/all", None),
        ("x/clip.seed=0", None),
    ],
)
def test_runs_of_older_versions_are_known_by_their_folder(tmp_path, folder, overrides):
    assert settings_of(make_run(tmp_path / folder, [record()])).overrides == overrides


@pytest.mark.parametrize("told", [None, 7, "quality=quick", [], {"a": 1}, [[1], None]], ids=repr)
def test_events_may_tell_anything(tmp_path, told):
    run_dir = make_run(tmp_path / "run", [record()])
    with run_dir:
        run_dir.append_event("run_started", overrides=told)
    assert not settings_of(run_dir).overrides
