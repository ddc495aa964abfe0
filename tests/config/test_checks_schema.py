"""The group `checks` and the registry of checks belong together."""

from __future__ import annotations

from dataclasses import fields

import pytest

from vgpipe.config.checks_schema import ChecksConfig
from vgpipe.config.groups import options
from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.quality.registry import NAMES, OTHER_NAMES
from vgpipe.quality.sound_checks import SOUND_NAMES

ALL = {*NAMES, *SOUND_NAMES, *OTHER_NAMES}


def test_each_check_has_a_key_and_each_key_a_check():
    assert {one.name for one in fields(ChecksConfig)} == ALL


@pytest.mark.parametrize("option", ["standard", "strict"])
def test_every_check_has_a_limit(option):
    assert set(load([f"checks={option}"]).checks.limits) == ALL


def test_off_judges_nothing_and_standard_is_the_default():
    assert set(options("checks", None)) == {"off", "standard", "strict"}
    assert load(["checks=off"]).checks.limits == {}
    assert load([]).checks == load(["checks=standard"]).checks


def test_strict_rejects_what_standard_only_reports():
    strict = load(["checks=strict"]).checks.limits
    assert {one.action for one in strict.values()} == {"fail"}


def test_one_check_is_switched_off_or_judged_otherwise():
    changed = load(["checks.uniform=null", "checks.frozen.limit=3"]).checks.limits
    assert "uniform" not in changed and changed["frozen"].limit == 3


def test_a_mistyped_check_is_named():
    with pytest.raises(ConfigError, match=r"did you mean checks\.uniform\?"):
        load(["checks.unifrm=null"])


def test_a_config_without_the_group_judges_nothing():
    assert ChecksConfig().limits == {}
