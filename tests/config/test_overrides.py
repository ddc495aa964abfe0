"""Overrides are checked before Hydra reads them."""

from __future__ import annotations

import pytest

from vgpipe.config import overrides
from vgpipe.config.composer import composer
from vgpipe.config.overrides import check_overrides, group_options
from vgpipe.config.sources import BUILTIN, Sources
from vgpipe.errors import ConfigError


def checked(*overrides, sources=BUILTIN):
    return check_overrides(overrides, sources, composer(sources))


def test_overrides_are_parsed_in_order():
    found = checked("quality=quick", "clip.seed=3", "exporter=[mp4,gif]")
    assert [one.key_or_group for one in found] == ["quality", "clip.seed", "exporter"]
    assert found[2].get_value_element_as_str() == "mp4+gif"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("quality=quik", ["'quik' is not one of its options", "high, quick, standard"]),
        ("quality=standard,quik", ["'quik' is not one of its options", "did you mean quick?"]),
        ("memory=_base", ["'_base' is not one of its options"]),
        ("exporter=mp4+mp4", ["'mp4' is named twice"]),
        ("exporter=mp4+gift", ["'gift' is not one of its options"]),
        ("hydra/launcher=basik", ["hydra/launcher", "did you mean basic?"]),
        ("hydra.searchpath=[file:///nowhere]", ["hydra.searchpath", "'/nowhere' is not a folder"]),
        ("hydra.job.chdir=true", ["hydra.job.chdir", "hydra.run.dir"]),
        ("+experiment=night", ["experiment", "there is no such key"]),
        ("clip.prompt=a: b c=", ["cannot be parsed as key=value", "quote the value"]),
        ("nonsense", ["options are typed key=value"]),
        ("clip.prompt=\udcff", ["not valid UTF-8"]),
    ],
)
def test_a_fault_names_the_override_and_the_remedy(override, words):
    with pytest.raises(ConfigError, match="invalid command line") as caught:
        checked(override)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "quality=glob(*)",
        "quality=[quick,high]",
        "quality=mine/draft",
        "~exporter",
        "clip.seed=interval(0,9)",
        "clip.seed=choice(1,2)",
        "+experiment=night",
        "+quality@also_quality=quick",
        "hydra.sweeper.params={clip.seed: '1,2'}",
        "hydra/sweeper=basic",
        "'clip.prompt=\"a, b\"'".strip("'"),
    ],
)
def test_what_hydra_takes_is_not_refused(override, tmp_path):
    for option in ("quality/mine/draft.yaml", "experiment/night.yaml"):
        (tmp_path / option).parent.mkdir(parents=True)
        (tmp_path / option).write_text("{}\n")
    assert len(checked(override, sources=Sources(str(tmp_path)))) == 1


def test_groups_of_a_search_path_on_the_command_line_are_known(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality/draft.yaml").write_text("{}\n")
    searched = f"hydra.searchpath=[file://{tmp_path}]"
    assert checked("quality=draft", searched)
    assert group_options("quality", BUILTIN, [searched]) == ("draft", "high", "quick", "standard")


def test_an_option_of_a_plugin_that_is_not_installed_names_its_extra(monkeypatch):
    monkeypatch.setattr(overrides, "EXTRAS", {"hydra/launcher=flock": "herd"})
    with pytest.raises(ConfigError, match=r"'flock' is not one of its options .* pip install 'vgpipe\[herd\]'"):
        checked("hydra/launcher=flock")
    with pytest.raises(ConfigError, match="did you mean basic"):
        checked("hydra/launcher=basik")
