"""What YAML makes of an unquoted value."""

import math
from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.job.reading.yaml_scalars import quoted, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("no", False), ("On", True), ("TRUE", True), ("y", "y"),
        ("3", 3), ("-3", -3), ("010", 10), ("1_000", 1000), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0),
        ("+.inf", math.inf), ("1:30", "1:30"), ("1.2.3", "1.2.3"), ("2026-01-02", date(2026, 1, 2)),
        ("2026-13-02", "2026-13-02"), ("a cat", "a cat"), ("0x1F", "0x1F"), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_values(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value and type(found) is type(value)


def test_not_a_number() -> None:
    found = resolve(".nan")
    assert isinstance(found, float) and math.isnan(found)


@settings(max_examples=100)
@given(st.text(max_size=30))
def test_anything_resolves(text: str) -> None:
    resolve(text)


@settings(max_examples=100)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_quoted_text_is_that_text_again(text: str) -> None:
    assert yaml.safe_load(quoted(text)) == text
