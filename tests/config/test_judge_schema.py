"""What is said of a judge that is chosen wrongly."""

from __future__ import annotations

import pytest

from vgpipe.config.load import load
from vgpipe.errors import ConfigError


def faults(*typed: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as raised:
        load(list(typed))
    return [(one.where, str(one)) for one in raised.value.faults]


def test_a_clip_judge_needs_a_model():
    ((where, text),) = faults("judge.name=clip")
    assert where == "judge.id" and "judge.id=openai/clip-vit-large-patch14" in text


def test_a_model_without_the_judge_that_uses_it_is_no_quiet_nothing():
    ((where, text),) = faults("judge.id=openai/clip-vit-large-patch14")
    assert where == "judge.id" and "judge.name=clip" in text


def test_a_wrong_name_is_told_the_nearest():
    ((where, text),) = faults("judge.name=adherance")
    assert where == "judge.name" and "adherence" in text


def test_a_clip_judge_with_a_model_is_taken():
    judge = load(["judge.name=clip", "judge.id=some/model"]).judge
    assert (judge.name, judge.id) == ("clip", "some/model")
