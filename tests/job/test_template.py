"""Places in a prompt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.job.template import combinations, count_combinations, fill, longest_filled, places


@pytest.mark.parametrize(
    ("text", "filled", "names"),
    [
        ("a {c} ball", "a red ball", ("c",)),
        ("{ c }{c}", "redred", ("c",)),
        ("{{c}}", "{c}", ()),
        ("{{{c}}}", "{red}", ("c",)),
        ("${c} ${oc.env:HOME}", "${c} ${oc.env:HOME}", ()),
        ("${a:{c}}", "${a:{c}}", ()),
        ("a { b } } {", "a { b } } {", (" b ".strip(),)),
        (":-} {", ":-} {", ()),
        ("{}", "{}", ("",)),
    ],
)
def test_places_and_filling(text: str, filled: str, names: tuple[str, ...]) -> None:
    assert places(text) == names
    values = {"c": "red", "b": "{ b }", "": "{}"}
    assert fill(text, values) == filled


def test_a_value_is_not_looked_at_again() -> None:
    assert fill("{a}", {"a": "{b} {{ ${c}"}) == "{b} {{ ${c}"


@settings(max_examples=100)
@given(st.text("{}$ab ", max_size=30), st.text("{}x", max_size=5))
def test_the_longest_is_an_upper_bound(text: str, value: str) -> None:
    names = places(text)
    assert len(fill(text, dict.fromkeys(names, value))) <= longest_filled(text, dict.fromkeys(names, (value,)))


def test_combinations_keep_the_order() -> None:
    matrix = {"c": ("red", "blue"), "s": ("disc", "square")}
    found = [tuple(values.values()) for values in combinations(matrix)]
    assert found == [("red", "disc"), ("red", "square"), ("blue", "disc"), ("blue", "square")]
    assert count_combinations(matrix) == 4
    assert list(combinations({})) == [{}] and count_combinations({}) == 1
