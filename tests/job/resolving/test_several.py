"""The clips of several jobs in one run."""

from __future__ import annotations

from functools import partial

import pytest

from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import JobError
from vgpipe.job.resolving.picks import name_of


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("prompts: [a red circle, {prompt: a fox, id: hero}]\n")
    (tmp_path / "b.yaml").write_text(
        "prompts: [{prompt: a red circle, id: again}, a blue square, {prompt: x, id: hero}]\n"
    )
    return partial(_clips, tmp_path)


def _clips(_folder, typed, *more):
    return request(load([f"job={typed}", *more]))


def test_each_clip_has_the_id_that_its_job_alone_gives_and_a_repeated_one_is_made_once(jobs):
    both, first, second = jobs("[a.yaml,b.yaml]"), jobs("a.yaml"), jobs("b.yaml")
    assert [one.id for one in both.clips] == [one.id for one in (*first.clips, *second.clips[1:])]
    assert any(
        note.startswith("b.yaml repeats clips of a.yaml") and note.endswith(first.clips[0].id) for note in both.notes
    )
    assert both.title == "a + b"


def test_picks_choose_among_the_clips_of_all(jobs):
    wanted = [jobs("a.yaml").clips[1], jobs("b.yaml").clips[2]]
    picks = ",".join(map(name_of, wanted))
    assert list(jobs("[a.yaml,b.yaml]", f"pick=[{picks}]").clips) == wanted


def test_notes_name_their_file_and_a_list_of_one_is_that_job(jobs, tmp_path):
    (tmp_path / "c.yaml").write_text("prompts: [x, y, x]\n")
    assert "c.yaml: line 1 makes the same clip more than once: rendered once" in jobs("[a.yaml,c.yaml]").notes
    assert jobs("[c.yaml]") == jobs("c.yaml")


def test_two_names_that_are_equal_by_chance_are_refused(jobs, monkeypatch):
    monkeypatch.setattr("vgpipe.job.resolving.expand.clip_id", lambda stem, _settings, attempt=0: f"{stem}-{attempt}")
    with pytest.raises(JobError, match=r"a clip of a\.yaml has the same name, hero-0"):
        jobs("[a.yaml,b.yaml]")


def test_limits_hold_for_all_jobs_together(jobs, monkeypatch):
    monkeypatch.setattr("vgpipe.job.schema.MAX_CLIPS", 3)
    with pytest.raises(JobError, match="4 clips together; at most 3"):
        jobs("[a.yaml,b.yaml]")
