"""Where a tokenizer stops reading texts."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BATCH = 512
MARGIN = 8
"""A text is tokenized as a whole where its words alone have more than all but this part of the limit."""
UNLIMITED = 10**6
"""transformers gives a tokenizer without a length 10^30."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as a tokenizer is given it.

    Attributes:
        whole: with the instructions around it.
        start: index of its first character in that.
        end: index after its last.
    """

    whole: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where a tokenizer stops.

    Attributes:
        read: tokens of the text that it reads; special ones count where there are no instructions.
        of: tokens that the text has.
        at: index of the first character of the text that it does not read.
        same: digest of what it reads.
    """

    read: int
    of: int
    at: int
    same: str


def cuts_in(tokenizer: Any, passages: Sequence[Passage], limit: int, *, adds_special: bool) -> list[Found | None]:
    """Returns where each text is cut; None for those that are read to the end.

    Args:
        tokenizer: of transformers, fast or not.
        passages: the texts.
        limit: tokens, all of them.
        adds_special: whether it adds special tokens.
    """
    if limit >= UNLIMITED:
        return [None] * len(passages)
    special = tokenizer.num_special_tokens_to_add(pair=False) if adds_special else 0
    if getattr(tokenizer, "is_fast", False):
        return _fast_cuts(tokenizer.backend_tokenizer, passages, limit - special, special)
    return [_slow_cut(tokenizer, one, limit - special, special) for one in passages]


def _fast_cuts(backend: Any, passages: Sequence[Passage], kept: int, special: int) -> list[Found | None]:
    backend.no_truncation()  # which the next call of its tokenizer sets again
    backend.no_padding()
    found: list[Found | None] = [None] * len(passages)
    long = _long(backend, passages, kept)
    for first in range(0, len(long), BATCH):
        numbers = long[first : first + BATCH]
        tokens = backend.encode_batch([passages[number].whole for number in numbers], add_special_tokens=False)
        for number, one in zip(numbers, tokens, strict=True):
            if len(one) > kept:
                passage, offsets = passages[number], one.offsets
                around = sum(end <= passage.start for _, end in offsets)
                found[number] = _cut(passage, one.ids, kept, special, at=offsets[kept][0], around=around)
    return found


def _long(backend: Any, passages: Sequence[Passage], kept: int) -> list[int]:
    """Returns the numbers of the texts that may have more than `kept` tokens.

    The texts of a job share their words, whose tokens add up to about those of the texts: less work than all of them.
    """
    texts = [one.whole for one in passages]
    words = list({word for text in texts for word in text.split()})
    apart = backend.encode_batch([f" {word}" for word in words], add_special_tokens=False)
    tokens = dict(zip(words, map(len, apart), strict=True))

    def at_most(text: str) -> int:
        own = text.split()
        white_space = len(text) - sum(map(len, own)) - len(own)
        return sum(map(tokens.__getitem__, own)) + max(0, white_space)

    return [number for number, text in enumerate(texts) if at_most(text) > kept - kept // MARGIN]


def _slow_cut(tokenizer: Any, passage: Passage, kept: int, special: int) -> Found | None:
    """Returns where a tokenizer written in Python cuts a text; such ones do not say where their tokens begin."""

    def ids_of(text: str) -> Sequence[int]:
        ids: Sequence[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    ids = ids_of(passage.whole)
    if len(ids) <= kept:
        return None
    ends = range(len(passage.whole))
    at = bisect.bisect_right(ends, kept, key=lambda end: len(ids_of(passage.whole[:end]))) - 1
    around = len(ids_of(passage.whole[: passage.start])) if passage.start else 0
    return _cut(passage, ids, kept, special, at=at, around=around)


def _cut(passage: Passage, ids: Sequence[int], kept: int, special: int, *, at: int, around: int) -> Found | None:
    """Returns the cut of a text with more than `kept` tokens; None where only what follows it is cut.

    Args:
        passage: the text.
        ids: all its tokens, without special ones.
        kept: how many of them are read.
        special: how many special ones there are beside.
        at: index of the first character of the whole that is not read.
        around: tokens before the text.
    """
    at = max(at, passage.start)
    if not passage.whole[at : passage.end].strip():
        return None
    beside = special if passage.start == 0 else -around
    same = hashlib.sha256(repr(list(ids[:kept])).encode()).hexdigest()[:16]
    return Found(kept + beside, len(ids) + beside, at - passage.start, same)
