"""What differs in the step cache that latents are made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vgpipe.provenance.change_words import Change, arrow
from vgpipe.vocabulary import DENOISE, NO_CACHE

WORDS = {
    "threshold": "quality.cache_threshold",
    "interval": "quality.cache_interval",
    "version": "vgpipe's own step caches: version",
}
RATIOS = "mag_ratios"


def cache_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yields what differs: which cache it is, else its numbers.

    Args:
        old: `StepCache.marks` of the earlier latents, any JSON; empty without a cache.
        new: of those that would be made.
    """
    names = [str(one.get("name", NO_CACHE)) for one in (old, new)]
    if names[0] != names[1]:
        yield Change(DENOISE, arrow("quality.cache", *names))
        return
    for name, words in WORDS.items():
        if old.get(name) != new.get(name):
            yield Change(DENOISE, arrow(words, old.get(name), new.get(name)))
    if old.get(RATIOS) != new.get(RATIOS):
        yield Change(DENOISE, "model.mag_ratios changed")
