"""Choices in a prompt."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.choices import Form, Picks, as_literal, choices_of, resolved

LISTS = {"c": ("red {x}",), "deep": ("__c__ {a|a}", "__c__ {a|a}")}


def _first(options):
    return options[0]


@pytest.mark.parametrize(
    ("text", "of_job", "typed"),
    [
        ("a {b|c} d", "a b d", "a b d"),
        ("{|b}", "", ""),
        ("{{b|c}}", "{{b|c}}", "{b|c}"),
        ("{{x}} {x}", "{{x}} {x}", "{{x}} {x}"),
        ("${b|c}", "${b|c}", "${b|c}"),
        ("__c__!", "red {{x}}!", "red {x}!"),
        ("____c____", "__c__", "__c__"),
        ("{a __deep__|b}", "a red {{x}} a", "a red {x} a"),
        ("snake__case __ x __ ______", "snake__case __ x __ ______", "snake__case __ x __ ______"),
    ],
)
def test_choices_are_made_and_the_rest_stays(text, of_job, typed):
    assert resolved(text, Form.OF_JOB, LISTS, _first) == of_job
    assert resolved(text, Form.TYPED, LISTS, _first) == typed


def test_lists_are_found_among_alternatives_too():
    found = choices_of("__a/b__ {x __c__|y} __c__", Form.OF_JOB)
    assert found.lists == ("a/b", "c") and found.options == (("x __c__", "y"),)


@given(st.text("{}|$_ac ", max_size=25))
def test_a_text_typed_as_literal_is_that_text(text):
    assert resolved(as_literal(text), Form.TYPED, {}, _first) == text


def test_each_option_is_taken_as_often_as_it_is_there():
    taken = Counter(Picks(seed, "{a|b|b}")(("a", "b", "b")) for seed in range(3000))
    assert taken.keys() == {"a", "b"} and 900 < taken["a"] < 1100


def test_an_option_more_changes_only_what_it_wins():
    before = [Picks(seed, "x")("abcd") for seed in range(500)]
    after = [Picks(seed, "x")("aebcd") for seed in range(500)]
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) == {"e"} and 60 < len(changed) < 140


def test_two_choices_of_one_text_and_the_same_choice_of_two_texts_differ():
    rows = [
        (picks("abcd"), picks("abcd"), Picks(seed, "y")("abcd")) for seed in range(50) if (picks := Picks(seed, "x"))
    ]
    first, second, other = zip(*rows, strict=True)
    assert first != second and first != other
