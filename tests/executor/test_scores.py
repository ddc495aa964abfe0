"""Drafts get a score from the judge that the run names, and keep it."""

from __future__ import annotations

import pytest

from tests.tiny.clip_text import save_clip_model
from vgpipe.stages import denoise, judging

DRAFT = ("clip.prompt=a small red circle", "draft=1", "clip.seed=3")


def scores(ran) -> list:
    assert ran.code == 0, ran.err
    assert [record["state"] for record in ran.records()] == ["drafted"] * len(ran.records())
    return [record["score"] for record in ran.records()]


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """Names what is denoised and judged from now on."""
    seen: list[str] = []
    for module, name in ((denoise, "run_draft"), (judging, "by_adherence"), (judging, "by_clip_model")):
        original = getattr(module, name)

        def counted(*args, _original=original, _name=name, **kwargs):
            seen.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)
    return seen


def test_each_judge_scores_the_same_drafts_once(render, workdir, made):
    (checks,) = scores(render(*DRAFT))
    assert checks is None, "all checks are off here, so that nothing is known"
    assert made == ["run_draft"]
    (own,) = scores(render(*DRAFT, "judge.name=adherence"))
    assert own["judge"] == "adherence" and isinstance(own["number"], float)
    assert scores(render(*DRAFT, "judge.name=adherence")) == [own]
    save_clip_model(workdir / "clip")
    (others,) = scores(render(*DRAFT, "judge.name=clip", "judge.id=clip"))
    assert others["judge"] == "clip" and -1 <= others["number"] <= 1
    assert made == ["run_draft", "by_adherence", "by_clip_model"], "no step is made again, and nothing judged twice"


def test_workers_score_as_one_process_does(render):
    (one,) = scores(render(*DRAFT, "judge.name=adherence", "store.dir=one"))
    again = render(*DRAFT, "judge.name=adherence", "store.dir=two", "executor.workers=2")
    assert scores(again) == [one]


def test_a_judge_that_fails_costs_no_clip(render, monkeypatch):
    def fails(*_args, **_kwargs):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(judging, "by_adherence", fails)
    ran = render(*DRAFT, "judge.name=adherence")
    assert scores(ran) == [None]
    assert "its preview has no score: no such thing" in (ran.root / "run.log").read_text()


def test_a_model_that_is_not_there_is_told_before_anything_is_made(render, workdir):
    ran = render(*DRAFT, "judge.name=clip", "judge.id=nowhere")
    assert ran.code == 2 and "judge.id: nowhere" in ran.err and not (workdir / "outputs").exists()
