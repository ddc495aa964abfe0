"""Which judges there are."""

from __future__ import annotations

from typing import get_args, get_type_hints

from vgpipe.config.judge_schema import AUTO, JudgeConfig
from vgpipe.quality.judges.registry import JUDGES, OF_CONTESTS, OF_DRAFTS


def test_the_config_can_choose_each_of_them():
    assert set(get_args(get_type_hints(JudgeConfig)["name"])) == {AUTO, *JUDGES}


def test_those_that_are_taken_unless_another_is_named_need_no_model_of_the_users():
    assert {OF_CONTESTS.name, OF_DRAFTS.name} <= {"checks", "adherence"}
