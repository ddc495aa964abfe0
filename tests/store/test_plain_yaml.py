"""YAML as plain values, whichever parser reads it."""

from __future__ import annotations

import pytest
import yaml

from vgpipe.store.plain_yaml import read_yaml


def test_the_values_are_those_of_the_safe_loader():
    text = "a: {b: [1, 2.5, null, yes, 2026-01-31], c: 'é \U0001f600'}\nd: |\n  two\n  lines\n"
    assert read_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000 + "a", "a: " + "{b: " * 100_000], ids=["[", "-", "{"])
def test_what_is_nested_too_deep_ends_no_process(text):
    with pytest.raises(yaml.YAMLError, match="nested too deep"):
        read_yaml(text)


def test_an_alias_stands_for_its_anchor():
    assert read_yaml("a: &x {b: [1, &y 2]}\nc: [*x, *x, *y]") == {"a": {"b": [1, 2]}, "c": [{"b": [1, 2]}] * 2 + [2]}


def test_aliases_that_multiply_are_refused_before_anything_walks_them():
    from tests.corruptions import BOMB

    with pytest.raises(yaml.YAMLError, match="aliases"):
        read_yaml(BOMB)


def test_a_value_that_holds_itself_is_refused():
    with pytest.raises(yaml.YAMLError, match="aliases"):
        read_yaml("a: &a [1, *a]")


def test_a_tag_makes_no_object():
    with pytest.raises(yaml.YAMLError):
        read_yaml("!!python/object/apply:os.getcwd []")
