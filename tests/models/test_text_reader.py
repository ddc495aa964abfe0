"""Readings are kept with encoded texts."""

from __future__ import annotations

import json

import pytest

from vgpipe.models.text_reader import Cut, Form, TextReading, reading_of

READING = TextReading((Cut("tokenizer", 77, 90, "word 12", "and more", Form.QUOTED),), 2, "0f")


def test_a_reading_is_read_as_it_was_kept():
    assert reading_of(json.loads(json.dumps(READING.to_plain()))) == READING


@pytest.mark.parametrize(
    "values", [None, 3, {}, {"cuts": 3}, {"cuts": [{}], "readers": 1, "same": ""}, {"cuts": [{"form": "x"}]}]
)
def test_anything_else_is_none(values):
    assert reading_of(values) is None
