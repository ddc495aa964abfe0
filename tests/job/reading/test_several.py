"""Several job files of one run: all their faults at once."""

from __future__ import annotations

import pytest

from vgpipe.errors import JobError
from vgpipe.job.reading.several import read_jobs


def test_jobs_keep_the_order_in_which_they_are_named(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(f"prompts: [a circle of {name}]\n")
    assert [job.title for job in read_jobs(["b.yaml", "a.yaml"], tmp_path)] == ["b", "a"]


def test_faults_of_all_files_are_told_with_their_lines(tmp_path):
    (tmp_path / "a.yaml").write_text("prompts:\n  - {prompt: x, seed: -4}\n")
    (tmp_path / "b.yaml").write_text("prompts:\n  - x\n  - {prompt: x, steps: -4}\n")
    with pytest.raises(JobError, match="3 jobs have faults") as raised:
        read_jobs(["a.yaml", "b.yaml", "none.yaml"], tmp_path)
    assert [fault.where for fault in raised.value.faults] == [
        f"{tmp_path / 'a.yaml'}:2",
        f"{tmp_path / 'b.yaml'}:3",
        "job",
    ]


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("prompts: [x]\n")
    with pytest.raises(JobError, match=r"a\.yaml is named twice"):
        read_jobs(["a.yaml", "./a.yaml"], tmp_path)
