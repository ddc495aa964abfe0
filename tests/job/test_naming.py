"""File names for clips."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.job.naming import clip_id, safe_stem, slugify

ANY_TEXT = st.text(st.characters(), max_size=200) | st.text(max_size=40).map(lambda text: text.upper())
DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt9", "com¹"}


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("A small RED triangle, moving left!", "a-small-red-triangle-moving-left"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\x.", "c-windows-x"),
        ("CON", "con_"),
        ("com¹", "com¹_"),
        ("", "clip"),
        ("...", "clip"),
        ("🎈🎈", "clip"),
        ("\ud800\x00", "clip"),
        ("e\u0301te\u0301 à Paris", "été-à-paris"),
        ("Straße", "strasse"),
        ("日本の 猫", "日本の-猫"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen-zerowidth"),
        ("-rf *", "rf"),
        ("under_score", "under_score"),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert slugify(text, 60) == slug


@settings(max_examples=500)
@given(ANY_TEXT, st.integers(1, 90))
def test_a_slug_is_safe_on_every_file_system(text: str, max_bytes: int) -> None:
    slug = slugify(text, max_bytes)
    assert slug
    assert len(slug.encode()) <= max_bytes
    assert not set(slug) & set('<>:"/\\|?*. ~$') and not slug.startswith("-") and not slug.endswith("-")
    assert slug not in DEVICES
    assert unicodedata.is_normalized("NFC", slug)
    assert unicodedata.normalize("NFC", slug.casefold()) == slug
    assert slugify(slug, max_bytes) == slug


def test_every_character_keeps_the_rules() -> None:
    # In groups of one script's neighbours, to stay fast: a fault would show as a changed second slug.
    for start in range(0x80, sys.maxunicode, 16):
        text = "".join(map(chr, range(start, min(start + 16, sys.maxunicode + 1))))
        slug = slugify(text, 80)
        assert slugify(slug, 80) == slug and unicodedata.is_normalized("NFC", slug), hex(start)


def test_a_long_text_is_cut_between_words() -> None:
    assert slugify("a small red triangle moving left", 22) == "a-small-red-triangle"
    assert slugify("a small red triangle", 11) == "a-small-red"
    assert slugify("x" * 100, 10) == "x" * 10


def test_a_budget_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_bytes"):
        slugify("x", 0)


@given(ANY_TEXT)
def test_an_id_has_at_most_80_bytes_and_its_digest(text: str) -> None:
    name = clip_id(text, {"prompt": "x", "seed": 3})
    assert len(name.encode()) <= 80
    assert name.endswith(clip_id("", {"prompt": "x", "seed": 3}).removeprefix("clip"))


def test_the_digest_depends_on_the_settings_and_the_attempt_alone() -> None:
    ids = {clip_id("x", {"seed": 1, "fps": 8.0}), clip_id("x", {"fps": 8.0, "seed": 1})}
    assert len(ids) == 1
    assert len(ids | {clip_id("x", {"seed": 2, "fps": 8.0}), clip_id("x", {"seed": 1, "fps": 8.0}, 1)}) == 3


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("A cat, it's 50%.-0", "A cat, it's 50%.-0"),
        (' a/b\\c:"d"\x07\u202e ', "a_b_c__d___"),
        ("-rf", "_rf"),
        (".. .", "clip"),
        ("LPT1.x", "LPT1_.x"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_a_safe_stem_stays_close_to_the_text(text, stem):
    assert safe_stem(text) == stem
