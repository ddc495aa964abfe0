"""Overrides are checked before Hydra reads them."""

from __future__ import annotations

import pytest

from vgpipe.config.overrides import parse_overrides, sweep_values
from vgpipe.errors import ConfigError


def test_overrides_are_parsed_in_order():
    found = parse_overrides(["quality=quick", "clip.seed=3", "exporter=[mp4,gif]"], None)
    assert [one.key_or_group for one in found] == ["quality", "clip.seed", "exporter"]
    assert found[2].get_value_element_as_str() == "mp4+gif"


def test_the_values_of_a_sweep_include_those_of_a_pattern():
    (listed,) = parse_overrides(["clip.seed=range(0,3)"], None)
    (pattern,) = parse_overrides(["quality=glob(*)"], None)
    assert sweep_values(listed, None) == ["0", "1", "2"]
    assert sweep_values(pattern, None) == ["high", "quick", "standard"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("quality=quik", ["'quik' is not one of its options", "high, quick, standard"]),
        ("exporter=mp4+mp4", ["'mp4' is named twice"]),
        ("exporter=mp4+gift", ["'gift' is not one of its options"]),
        ("hydra.job.chdir=true", ["hydra.job.chdir", "hydra.run.dir"]),
        ("clip.seed=interval(0,2)", ["range(0,3)"]),
        ("clip.prompt=a: b c=", ["cannot be parsed as key=value", "quote the value"]),
        ("nonsense", ["options are typed key=value"]),
        ("clip.prompt=\udcff", ["not valid UTF-8"]),
    ],
)
def test_a_fault_names_the_override_and_the_remedy(override, words):
    with pytest.raises(ConfigError, match="invalid command line") as caught:
        parse_overrides([override], None)
    assert all(word in str(caught.value) for word in words), str(caught.value)
