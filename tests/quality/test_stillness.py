"""Prompts that ask for a still picture."""

from __future__ import annotations

import pytest

from vgpipe.quality.stillness import wants_stillness


@pytest.mark.parametrize(
    "prompt", ["A static shot of a lake", "still life with pears", "PHOTO of a dog", "a freeze-frame"]
)
def test_a_word_for_stillness_asks_for_it(prompt):
    assert wants_stillness(prompt)


@pytest.mark.parametrize("prompt", ["", "a dog runs", "distillery at work", "ecstatic people", "photogenic"])
def test_other_words_do_not(prompt):
    assert not wants_stillness(prompt)
