from __future__ import annotations

import pytest

from vgpipe.config.arguments import only_sources, split
from vgpipe.errors import UsageError


@pytest.mark.parametrize(
    ("given", "overrides", "flags"),
    [
        (["job=a.yaml", "quality=quick"], ("job=a.yaml", "quality=quick"), {}),
        (["-m", "clip.seed=0,1"], ("clip.seed=0,1",), {"multirun": True}),
        (["--cfg", "job", "quality=x"], ("quality=x",), {"cfg": "job"}),
        (["--cfg=job", "--resolve", "-p", "clip"], (), {"cfg": "job", "resolve": True, "package": "clip"}),
        (["job=a.yaml", "-m", "quality=x"], ("job=a.yaml", "quality=x"), {"multirun": True}),
        (["a=1", "--info", "defaults", "b=2"], ("a=1", "b=2"), {"info": "defaults"}),
        (["a=1", "--info"], ("a=1",), {"info": "all"}),
        (["-sc", "install=bash"], ("install=bash",), {"shell_completion": True}),
    ],
)
def test_flags_are_told_from_overrides(given, overrides, flags):
    found = split(given)
    assert (found.overrides, found.flags) == (overrides, flags)
    assert found.is_sweep == ("multirun" in flags)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], (None, "config", "pkg://vgpipe.conf")),
        (["--config-dir=mine", "-cn", "night"], ("mine", "night", "pkg://vgpipe.conf")),
        (["-cp", "/mine"], (None, "config", "/mine")),
    ],
)
def test_flags_say_where_configs_are(given, found):
    sources = only_sources(given).sources
    assert (sources.config_dir, sources.config_name, sources.config_path) == found


def test_a_config_path_is_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert split(["-cp", "mine"]).sources.config_path == str(tmp_path / "mine")


@pytest.mark.parametrize("given", [["--config-dir"], ["--nonsense"], ["--cfg", "jb"], ["--info", "nothing"]])
def test_a_wrong_flag_is_bad_usage(given):
    with pytest.raises(UsageError, match=r"argument.* -> python -m vgpipe --help"):
        split(given)


def test_a_command_that_only_composes_takes_no_other_flag():
    with pytest.raises(UsageError, match="--cfg has no use here"):
        only_sources(["--cfg", "job"])
