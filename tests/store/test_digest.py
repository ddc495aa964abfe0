from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.store.digest import Key, digest_of

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_a_digest_is_stable_and_independent_of_key_order(value):
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert digest_of(value) == digest_of(turned)
    assert len(digest_of(value)) == 64


@given(st.dictionaries(st.text(), st.integers(), min_size=1, max_size=4), st.data())
def test_any_change_of_a_value_changes_the_digest(value, data):
    name = data.draw(st.sampled_from(sorted(value)))
    assert digest_of({**value, name: value[name] + 1}) != digest_of(value)


def test_types_are_told_apart():
    assert len({digest_of(value) for value in (1, 1.0, "1", True, [1], None)}) == 6


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_infinity_are_refused(value):
    with pytest.raises(ValueError):
        digest_of(value)


def test_objects_are_refused():
    with pytest.raises(TypeError):
        digest_of(object())


def test_the_stage_is_part_of_a_key():
    assert Key("encode", {"a": 1}).digest != Key("decode", {"a": 1}).digest
