"""What is tokenized of a text, how many tokens that is at most, and how a cut is told."""

from __future__ import annotations

import pytest

from vgpipe.models.text_reader import Form
from vgpipe.models.texts.forms import formed, may_exceed, place_of

CHINESE = "\u72d0\u5728\u96ea" * 20


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "  two  spaces\tand a\nline ",
        "&lt;b&gt; &amp;amp; x",
        "it\u2019s \ufb01ne \u00e2\u20ac\u0153a",
        "\u72d0\u72f8 \u5728",
        "",
    ],
)
def test_a_text_is_cleaned_as_wans_pipeline_does(text):
    from diffusers.pipelines.wan.pipeline_wan import prompt_clean

    assert formed(text, Form.CLEANED) == prompt_clean(text)


@pytest.mark.parametrize(
    "text", ['a sign "open" and "closed"', '“left” then "right"', 'twice "x" "x"', "none", 'an open " quote', '""']
)
def test_quoted_words_are_taken_as_hunyuan_video_15_does(text):
    pipeline = pytest.importorskip("diffusers.pipelines.hunyuan_video1_5.pipeline_hunyuan_video1_5")
    assert formed(text, Form.QUOTED) == (pipeline.extract_glyph_texts(text) or "")


def test_only_a_text_that_may_be_too_long_is_counted():
    assert not may_exceed("a red fox", 77) and not may_exceed("x" * 61, 77)
    assert may_exceed("x" * 62, 77) and may_exceed("word " * 200, 226)
    assert may_exceed("\u72d0" * 30, 77), "a tokenizer may make three bytes of a character"
    assert may_exceed("\ufdfa" * 8, 77), "and eighteen characters of one that stands for a phrase"


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("one two three", 3, ("word 2", "two three")),
        ("one two three", 4, ("word 2", "two three")),
        ("one two three", 5, ("word 2", "two three")),
        ("one", 0, ("word 1", "one")),
        (CHINESE, 20, ("character 21", CHINESE[20:])),
        (CHINESE, 10, ("character 11", CHINESE[10:50] + " ...")),
        ("a long text " + "is told by its beginning " * 3, 2, ("word 2", "long text is told by its beginning is ...")),
    ],
)
def test_a_cut_is_told_by_its_word_or_character(text, at, told):
    assert place_of(text, at) == told
