"""Options of the groups, a user's own included."""

from __future__ import annotations

import pytest

from vgpipe.config.groups import builtin_conf, group_table, options
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.config.sources import Sources
from vgpipe.errors import ConfigError


def test_users_add_their_own_groups(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality/mine.yaml").write_text("steps_scale: 0.1\nnum_inference_steps: null\nguidance_scale: 2.5\n")
    config = load(["quality=mine"], Sources(str(tmp_path)))
    assert config.quality.guidance_scale == 2.5
    assert "mine" in dict(group_table(str(tmp_path)))["quality"]


def test_an_unknown_key_in_a_users_group_is_named(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality/mine.yaml").write_text("steps_scal: 0.1\n")
    with pytest.raises(ConfigError, match=r"quality\.steps_scal.*did you mean steps_scale"):
        load(["quality=mine"], Sources(str(tmp_path)))


def test_every_group_of_the_schema_has_options_and_no_base_is_one():
    table = dict(group_table())
    assert tuple(table) == Config.GROUPS and all(table.values())
    assert (builtin_conf() / "memory/_base.yaml").is_file() and "_base" not in options("memory", None)
