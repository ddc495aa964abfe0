from __future__ import annotations

from vgpipe.models.caches.choice import chosen
from vgpipe.provenance.cache_changes import cache_changes


def told(old, new) -> list[str]:
    marks = [chosen(name, threshold=number, interval=None, mag_ratios=ratios) for name, number, ratios in (old, new)]
    return [change.text for change in cache_changes(*({} if one is None else one.marks() for one in marks))]


def test_another_cache_is_named_and_of_the_same_one_its_numbers():
    none, block = ("none", None, ()), ("firstblock", 0.1, ())
    assert told(none, block) == ["quality.cache none -> firstblock"]
    assert told(block, none) == ["quality.cache firstblock -> none"]
    assert told(block, ("firstblock", None, ())) == ["quality.cache_threshold 0.1 -> 0.05"]
    assert told(("magcache", 0.1, (1.0,)), ("magcache", 0.1, (0.9,))) == ["model.mag_ratios changed"]
    assert told(block, block) == []
