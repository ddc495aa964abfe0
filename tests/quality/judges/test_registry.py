"""Which judges there are."""

from __future__ import annotations

from typing import get_args, get_type_hints

from vgpipe.config.judge_schema import JudgeConfig
from vgpipe.quality.judges.registry import JUDGES


def test_the_config_can_choose_each_of_them():
    assert set(get_args(get_type_hints(JudgeConfig)["name"])) == set(JUDGES)


def test_the_one_that_is_taken_unless_another_is_named_needs_nothing_of_the_users():
    assert JudgeConfig().name == "checks"
