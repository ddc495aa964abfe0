"""Several exporters at once, as they are typed."""

from __future__ import annotations

import pytest

from vgpipe.config.joined_options import join_options
from vgpipe.config.load import load
from vgpipe.config.sources import Sources
from vgpipe.errors import ConfigError


@pytest.mark.parametrize("typed", ["exporter=mp4+gif", "exporter=[mp4,gif]", "exporter=[mp4, gif]"])
def test_the_first_is_the_exporter_and_the_others_stand_beside_it(typed):
    config = load([typed, "exporter.crf=20", "also.gif.dither=none"])
    assert (config.exporter.name, config.exporter.crf) == ("mp4", 20)
    assert {name: (one.name, one.dither) for name, one in config.also.items()} == {"gif": ("gif", "none")}


def test_one_in_a_list_is_one():
    config = load(["exporter=[webm]"])
    assert config.exporter.name == "webm" and config.also == {}


def test_a_sweep_takes_joined_ones_too():
    assert join_options("exporter=[mp4,gif],webm+gif,av1") == "exporter=mp4+gif,webm+gif,av1"


def test_ones_own_config_can_name_joined_ones(tmp_path):
    (tmp_path / "night.yaml").write_text("defaults: [config, {override exporter: mp4+gif}]\n")
    assert list(load([], Sources(str(tmp_path), "night")).also) == ["gif"]


def test_ones_own_options_can_be_joined(tmp_path):
    (tmp_path / "exporter").mkdir()
    (tmp_path / "exporter" / "small_gif.yaml").write_text("name: gif\ndither: bayer\nupscale_factor: 0.5\n")
    config = load(["exporter=mp4+small_gif"], Sources(str(tmp_path)))
    assert config.also["small_gif"].dither == "bayer"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["exporter=mp4+giff"], ["exporter", "'giff'", "did you mean gif?"]),
        (["exporter=mp4+mp4"], ["exporter", "named twice"]),
        (["exporter=mp4+"], ["exporter", "''", "one of"]),
        (["exporter=mp4+gif", "also.gif.dithe=none"], ["also.gif.dithe", "did you mean dither?"]),
        (["exporter=mp4+gif", "also.gif.dither=x"], ["also.gif.dither", "bayer"]),
        (["also.gif=3"], ["also.gif"]),
    ],
)
def test_faults_are_named(typed, words):
    with pytest.raises(ConfigError) as told:
        load(typed)
    assert all(word in str(told.value) for word in words)


@pytest.mark.parametrize("typed", ["clip.prompt=[mp4,gif]", "exporter.crf=3", "exporter", "pick=[pabc,pdef]"])
def test_nothing_else_is_rewritten(typed):
    assert join_options(typed) == typed
