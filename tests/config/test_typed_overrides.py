"""Overrides that vgpipe adds to Hydra's grammar."""

import pytest

from vgpipe.config.load import load
from vgpipe.config.typed_overrides import as_composed
from vgpipe.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "columns"),
    [
        ("job.columns={Titel: prompt, sampler: null}", {"Titel": "prompt", "sampler": None}),
        ("job.columns={prompt: 'Höhe, Titel'}", {"prompt": "Höhe, Titel"}),
        (
            "job.columns={Negativer Prompt: negative_prompt, 1: seed}",
            {"Negativer Prompt": "negative_prompt", "1": "seed"},
        ),
        ("+job.columns.Titel=prompt", {"Titel": "prompt"}),
        ("job_columns.Titel=prompt", {"Titel": "prompt"}),
    ],
)
def test_the_columns_of_a_job_are_typed_below_it(typed, columns):
    config = load(["job=a.csv", typed])
    assert config.job == "a.csv" and config.job_columns == columns


def test_columns_that_are_no_names_are_refused():
    with pytest.raises(ConfigError, match=r"job_columns\.Titel"):
        load(["job.columns={Titel: 3}"])
    with pytest.raises(ConfigError, match=r"job\.column: there is no such key"):
        load(["job.column={Titel: prompt}"])


def test_other_overrides_stay_as_they_are():
    for typed in ("job=job.columns", "job.columnsx=1", "clip.prompt=job.columns=x"):
        assert as_composed(typed) == typed
    assert as_composed("exporter=[mp4,gif]") == "exporter=mp4+gif"


@pytest.mark.parametrize("typed", ["run.name={a:03d}-{b}", 'run.name="{a:03d}-{b}"', "+run.name='{a:03d}-{b}'"])
def test_a_template_needs_no_quotes_within_those_of_the_shell(typed):
    assert load([typed]).run.name == "{a:03d}-{b}"


def test_a_template_is_not_interpolated():
    assert load(["run.name=${oc.env:HOME}{a}"]).run.name == "${oc.env:HOME}{a}"
