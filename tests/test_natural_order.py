from __future__ import annotations

from vgpipe.natural_order import natural_order


def test_names_are_in_the_order_that_people_count():
    names = ["node-2/cuda:0", "cpu-10", "cuda:1", "cpu-2", "node-10/cuda:0", "9" * 40]
    ordered = ["9" * 40, "cpu-2", "cpu-10", "cuda:1", "node-2/cuda:0", "node-10/cuda:0"]
    assert sorted(names, key=natural_order) == ordered
