"""A recipe as text: any recipe there and back, and nothing that is none."""

from __future__ import annotations

import base64
import json
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exporters.recipes import HOSTILE
from vgpipe.exporters.ffmetadata import FIRST_LINE, comment, comments
from vgpipe.exporters.recipe import MAX_BYTES, MAX_PLAIN_BYTES, from_text, to_text

TEXTS = st.text() | st.text("=;#\\\n\r\0\"'`[]{}<>&%$ \u202e\u05d0🐈é")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda some: st.lists(some) | st.dictionaries(TEXTS, some), max_leaves=12)
KEYS = TEXTS | st.sampled_from(["zlib", "too_large", "latents"])
RECIPES = st.builds(lambda rest, number: {**rest, "vgpipe": number}, st.dictionaries(KEYS, VALUES), st.integers(1, 9))


@settings(max_examples=60)
@given(RECIPES)
def test_any_recipe_comes_back(recipe):
    text = to_text(recipe)
    assert text.isascii() and text.isprintable() and len(text) <= MAX_BYTES
    assert from_text(text) == recipe


@settings(max_examples=30)
@given(RECIPES)
def test_order_does_not_matter(recipe):
    assert to_text(dict(reversed(recipe.items()))) == to_text(recipe)


@given(TEXTS, TEXTS)
def test_ffmpegs_format_keeps_any_text(other, text):
    title = comment(other).replace("comment", "title", 1)
    metadata = FIRST_LINE + title + comment(text).replace("comment", "COMMENT", 1) + "[STREAM]\n" + comment("x")
    assert list(comments(metadata)) == [text]


def test_plain_ones_can_be_read_by_anything():
    assert json.loads(to_text(HOSTILE)) == HOSTILE and " " not in to_text({"vgpipe": 1, "a": [1, 2]})


def test_long_ones_are_packed():
    recipe = {"vgpipe": 3, "prompt": "a cat " * 100_000}
    assert set(json.loads(to_text(recipe))) == {"vgpipe", "zlib"} and json.loads(to_text(recipe))["vgpipe"] == 3
    assert from_text(to_text(recipe)) == recipe


@pytest.mark.parametrize("noise", [random.Random(0).randbytes(80_000).hex(), "a" * (MAX_PLAIN_BYTES + 1)])
def test_what_does_not_fit_keeps_only_what_must_be(noise):
    recipe = {"vgpipe": 1, "latents": "sha256:1", "prompt": noise}
    size = len(json.dumps(recipe, separators=(",", ":")))
    assert from_text(to_text(recipe)) == {"vgpipe": 1, "latents": "sha256:1", "too_large": size}


def test_latents_that_do_not_fit_are_left_out():
    recipe = {"vgpipe": 1, "latents": random.Random(0).randbytes(80_000).hex()}
    assert set(from_text(to_text(recipe))) == {"vgpipe", "too_large"}


@pytest.mark.parametrize("number", [None, 0, True, "1", 1.0])
def test_a_recipe_nobody_could_read_is_not_written(number):
    with pytest.raises(ValueError, match="schema number"):
        to_text({"vgpipe": number})


def packed(plain: bytes) -> str:
    return json.dumps({"vgpipe": 1, "zlib": base64.b64encode(zlib.compress(plain)).decode()})


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "not JSON"),
        ("made with love", "not JSON"),
        ('{"vgpipe":1', "not JSON"),
        ("[1]", "no JSON object|not a JSON object"),
        ("{}", "schema number"),
        ('{"vgpipe":true}', "schema number"),
        ('{"vgpipe":0}', "schema number"),
        ('{"vgpipe":' + "9" * 5000 + "}", "not JSON"),
        ('{"vgpipe":1,"a":' + "[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (" " * MAX_PLAIN_BYTES + "{}", "longer than"),
        ('{"vgpipe":1,"zlib":7}', "not a text"),
        ('{"vgpipe":1,"zlib":"!"}', "cannot be unpacked|base64"),
        ('{"vgpipe":1,"zlib":"é"}', "ASCII"),
        ('{"vgpipe":1,"zlib":"AAAA"}', "cannot be unpacked"),
        (packed(b'{"vgpipe":1}')[:-12] + '"}', "cut off|cannot be unpacked|base64|padd"),
        (packed(b" " * (MAX_PLAIN_BYTES + 1)), "once unpacked"),
        (packed(b"\xff"), "cannot be unpacked"),
        (packed(packed(b"{}").encode()), None),
    ],
)
def test_anything_else_is_refused(text, pattern):
    if pattern is None:  # packed twice: the inner one is a recipe like any other, and is not unpacked again
        assert set(from_text(text)) == {"vgpipe", "zlib"}
        return
    with pytest.raises(ValueError, match=pattern):
        from_text(text)


@given(st.text())
def test_no_text_does_harm(text):
    with pytest.raises(ValueError):
        from_text(text)
