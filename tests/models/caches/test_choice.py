from __future__ import annotations

import pytest

from vgpipe.errors import ConfigError
from vgpipe.models.caches.choice import chosen


def test_each_has_its_own_number_where_none_is_set():
    told = {name: chosen(name, threshold=None, interval=None, mag_ratios=(1.0, 0.9)) for name in ("firstblock", "none")}
    assert told["none"] is None and str(told["firstblock"]) == "firstblock, threshold 0.05"
    assert "mag_ratios" not in told["firstblock"].marks()
    magcache = chosen("magcache", threshold=0.1, interval=None, mag_ratios=(1.0, 0.9))
    assert magcache.marks() == {"name": "magcache", "version": 1, "threshold": 0.1, "mag_ratios": [1.0, 0.9]}
    assert str(chosen("taylorseer", threshold=None, interval=4, mag_ratios=())) == "taylorseer, interval 4"
    assert chosen("taylorseer", threshold=None, interval=None, mag_ratios=()).interval == 3


def test_a_number_that_a_cache_has_no_use_for_is_refused():
    with pytest.raises(ConfigError, match=r"cache_threshold=0\.1: taylorseer has none -> quality\.cache_interval=N"):
        chosen("taylorseer", threshold=0.1, interval=None, mag_ratios=())
    with pytest.raises(ConfigError, match=r"cache_interval=4: seacache has none -> quality\.cache_threshold=NUMBER"):
        chosen("seacache", threshold=None, interval=4, mag_ratios=())
