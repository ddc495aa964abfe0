"""Pairs of images in a folder, by their names."""

from __future__ import annotations

import pytest

from vgpipe.job.reading.image_pairs import Pair, pairs_of


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["cat_first.png", "cat_last.jpg"], [Pair("cat", "cat_first.png", "cat_last.jpg")]),
        (["cat.last.png", "cat.png"], [Pair("cat", "cat.png", "cat.last.png")]),
        (["Cat-First.PNG", "cat-last.png"], [Pair("Cat", "Cat-First.PNG", "cat-last.png")]),
        (
            ["cat.png", "cat_first.png", "cat_last.png"],
            [Pair("cat", "cat.png"), Pair("cat", "cat_first.png", "cat_last.png")],
        ),
        (["cat_last.png", "dog_first.png"], [Pair("cat_last", "cat_last.png"), Pair("dog_first", "dog_first.png")]),
        (["last.png", "a.png"], [Pair("last", "last.png"), Pair("a", "a.png")]),
    ],
)
def test_a_last_image_belongs_to_the_first_of_its_name(names, pairs):
    assert pairs_of(names) == pairs
