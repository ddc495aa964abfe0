from __future__ import annotations

import hashlib
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.store.digest import Key, digest_of, file_sha256, mark_if_holds, mark_of, small_file

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100)
@given(plain)
def test_a_digest_is_stable_and_independent_of_key_order(value):
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert digest_of(value) == digest_of(turned)
    assert len(digest_of(value)) == 64


@settings(max_examples=100)
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


@pytest.mark.parametrize("size", [0, 1, 1000, 2**20, 2**20 + 1])
def test_a_file_holds_what_was_written_and_its_mark_changes_with_it(tmp_path, size):
    path, data = tmp_path / "a", bytes(range(256)) * (size // 256) + bytes(size % 256)
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    assert file_sha256(path) == digest and mark_if_holds(path, size, digest) == mark_of(path)
    assert mark_if_holds(path, size + 1, digest) is None is mark_if_holds(path, size, "0" * 64)
    path.write_bytes(data + b"x")
    assert mark_of(path)[0] == size + 1


def test_what_is_no_small_file_is_an_error_and_no_wait(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert small_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="5 bytes"):
        small_file(tmp_path / "a", 4)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="pipe is not a regular file"):
            mark_if_holds(tmp_path / "pipe", 0, "")
