from __future__ import annotations

import pytest

from vgpipe.config.arguments import split


@pytest.mark.parametrize(
    ("given", "overrides", "config_dir", "is_sweep", "only_shows"),
    [
        (["job=a.yaml", "quality=quick"], ("job=a.yaml", "quality=quick"), None, False, False),
        (["-m", "clip.seed=0,1"], ("clip.seed=0,1",), None, True, False),
        (["--config-dir", "mine", "quality=x"], ("quality=x",), "mine", False, False),
        (["--config-dir=mine", "--multirun"], (), "mine", True, False),
        (["--cfg", "job", "quality=x"], ("quality=x",), None, False, True),
        (["--cfg=job", "--resolve"], (), None, False, True),
        (["clip.prompt=a=b", "--config-dir"], ("clip.prompt=a=b",), "", False, False),
        (["job=a.yaml", "-m", "quality=x"], ("job=a.yaml", "quality=x"), None, True, False),
    ],
)
def test_flags_are_told_from_overrides(given, overrides, config_dir, is_sweep, only_shows):
    found = split(given)
    assert sorted([*found.flags, *found.overrides]) == sorted(given)
    assert (found.overrides, found.config_dir) == (overrides, config_dir)
    assert (found.is_sweep, found.only_shows) == (is_sweep, only_shows)
