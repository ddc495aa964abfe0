"""Images at frames, as users write them."""

from __future__ import annotations

import pytest

from vgpipe.job.placements import listed, parse, split, written


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("24: a.png", (24, "a.png")),
        ("-1=a b.png", (-1, "a b.png")),
        (" +8 : C:/x.png ", (8, "C:/x.png")),
        ("a.png", None),
        ("24:", None),
        ("1.5: a.png", None),
        ("9999999999: a.png", None),
    ],
)
def test_a_placement_is_a_frame_and_a_path(text, found):
    assert parse(text) == found
    assert found is None or parse(written(*found)) == found


def test_every_form_is_listed_alike():
    pair = ["8: b.png", "16: c.png"]
    assert listed({8: "b.png", 16: "c.png"}) == listed("8: b.png; 16: c.png") == listed([{8: "b.png"}, pair[1]]) == pair
    assert listed({"8": 3}) == [{"8": 3}] and listed(3) == 3 and split(" ;\n") == []
