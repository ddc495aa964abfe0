"""Finding the job file."""

from pathlib import Path

import pytest

from vgpipe.errors import JobError
from vgpipe.job.reading.find import find_job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    for name in ("both.yaml", "jobs/both.yaml", "jobs/demo.yaml", "jobs/night.csv", "notes.md"):
        (tmp_path / name).write_text("x")
    return tmp_path


def test_as_given_comes_first_then_jobs(folder: Path) -> None:
    assert find_job("both.yaml", folder) == folder / "both.yaml"
    assert find_job("demo.yaml", folder) == folder / "jobs" / "demo.yaml"
    assert find_job(str(folder / "jobs/night.csv"), Path("/")) == folder / "jobs/night.csv"


def test_the_home_folder_is_understood(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert find_job("~/both.yaml", Path("/")) == folder / "both.yaml"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("dmeo.yaml", ["dmeo.yaml and jobs/dmeo.yaml", "did you mean job=jobs/demo.yaml?"]),
        ("demo", ["did you mean job=jobs/demo.yaml?"]),
        ("nigth.yaml", ["did you mean job=jobs/night.csv?"]),
        ("jobs", ["is a directory", "jobs/demo.yaml"]),
        ("qqqqq", ["there are"]),
        ("", ["no job file"]),
        ("x" * 5000 + ".yaml", ["no job file"]),
        ("a\0b\x1b[2J.yaml", ["\\x00", "\\x1b"]),
    ],
)
def test_a_missing_job_names_the_places_and_what_was_meant(folder: Path, given: str, words: list[str]) -> None:
    with pytest.raises(JobError) as caught:
        find_job(given, folder)
    for word in words:
        assert word in str(caught.value)


def test_without_any_job_the_remedy_is_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="write one"):
        find_job("a.yaml", tmp_path)
