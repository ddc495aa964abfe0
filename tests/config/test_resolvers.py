from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.config.resolvers import MAX_DIRNAME_BYTES, job_name, safe_dirname


@pytest.mark.parametrize(("job", "name"), [("jobs/My Night.yaml", "my-night"), (None, "clip"), ("a.txt", "a")])
def test_runs_are_grouped_by_job(job, name):
    assert job_name(job) == name


@pytest.mark.parametrize(
    ("jobs", "name"),
    [
        (["a.yaml", "jobs/My Night.yaml"], "a+my-night"),
        (["a.yaml", "b/a.yaml"], "a"),
        ([f"{number}{'x' * 20}.yaml" for number in range(5)], "0xxxxxxxxxxxxxxxxxxxx+1xxxxxxxxxxxxxxxxxxxx+3-more"),
        ([f"{'y' * 60}.yaml", f"{'z' * 60}.yaml"], f"{'y' * 40}+1-more"),
    ],
)
def test_runs_of_several_jobs_are_named_after_them(jobs, name):
    assert job_name(jobs) == name


def test_plain_overrides_stay_readable():
    assert safe_dirname("quality=quick,clip.seed=0") == "quality=quick,clip.seed=0"


@given(st.text(min_size=1, max_size=300))
def test_a_sweeps_folder_is_one_safe_short_name(text):
    name = safe_dirname(text)
    assert len(name.encode()) <= MAX_DIRNAME_BYTES
    assert name not in ("", ".", "..") and not set(name) & set('/\\:*?"<>|\0\n')


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=2, unique=True))
def test_different_overrides_never_share_a_folder(texts):
    assert safe_dirname(texts[0]) != safe_dirname(texts[1])


def test_marks_for_new_names_are_left_out_of_folder_names():
    assert safe_dirname("++model.scheduler.config.flow_shift=3.0,clip.seed=1") == (
        "model.scheduler.config.flow_shift=3.0,clip.seed=1"
    )
