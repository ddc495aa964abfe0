"""Which items of a store go: what no kept run needs, and where that is not enough what can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from vgpipe.garbage.inventory import Inventory, Item, Kind
from vgpipe.garbage.needs import Needs

DAY_S = 86_400.0
LEAST_AGE_S = 6 * 3600.0
"""Nothing younger goes: canaries, and what a run works on that has no record yet."""
UNLISTED_AGE_S = 30 * DAY_S
"""What is older than the list of runs goes at this age: it may be of a run of an older version that nobody lists."""
OVERFLOW_AGE_S = 30 * DAY_S
"""An overflow that no kept run asks for is a few bytes, and saves whoever does the denoising."""
AGAIN = {
    Kind.FRAMES: "decoding",
    Kind.TAIL: "decoding",
    Kind.EMBEDS: "encoding",
    Kind.IMAGE: "sending",
    Kind.SCORE: "judging",
    Kind.PREVIEW: "denoising to its step",
    Kind.CHECKPOINT: "denoising from step 0",
    Kind.LATENTS: "denoising",
}
"""What makes an item of an unfinished clip again, by kind; these go in this order where `--max-gb` asks for it."""


class Beyond(Enum):
    """What else may go where the store is still too large once it has no garbage."""

    NOTHING = "nothing"
    UNFINISHED = "unfinished"
    """What unfinished clips need, except those that a process is making."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When items go.

    Attributes:
        now_s: UNIX seconds.
        keep_s: what was made or used in this time is kept.
        listed_since_s: since when the store lists its runs, UNIX seconds.
        max_bytes: what the store may take; no more goes than that asks for. None: all garbage goes.
        beyond: what else may go.
        settled: digests that go at any age, where no unfinished clip needs them: what the run that asks has exported.
    """

    now_s: float
    keep_s: float = LEAST_AGE_S
    listed_since_s: float = 0.0
    max_bytes: int | None = None
    beyond: Beyond = Beyond.NOTHING
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes.

    Attributes:
        garbage: what no kept run needs, in the order in which it goes.
        beyond: what unfinished clips need, and is made again.
        unlisted: what goes later, because it may be of a run of an older version that nobody lists.
    """

    garbage: tuple[Item, ...] = ()
    beyond: tuple[Item, ...] = ()
    unlisted: tuple[Item, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """All that goes, in order."""
        return (*self.garbage, *self.beyond)


def choose(inventory: Inventory, needs: Needs, rules: Rules) -> Choice:
    """Returns what goes; nothing but leftovers where a run cannot be read.

    Args:
        inventory: what the store holds.
        needs: of all kept runs.
        rules: when items go.
    """
    if needs.unreadable:
        return Choice()
    chosen = _Chooser(inventory, needs, rules)
    free = [item for item in inventory.items if chosen.is_garbage(item)]
    unlisted = [item for item in free if chosen.is_unlisted(item)]
    garbage = _sorted((item for item in free if not chosen.is_unlisted(item)), list(Kind))
    if rules.max_bytes is None:
        return Choice(tuple(garbage), unlisted=tuple(unlisted))
    excess = inventory.own_bytes - sum(inventory.leftovers.values()) - rules.max_bytes
    garbage, excess = _enough(garbage, excess)
    beyond: list[Item] = []
    if rules.beyond is Beyond.UNFINISHED:
        needed = (item for item in inventory.items if chosen.can_be_made_again(item))
        beyond, _ = _enough(_sorted(needed, list(AGAIN)), excess)
    return Choice(tuple(garbage), tuple(beyond), tuple(unlisted))


class _Chooser:
    def __init__(self, inventory: Inventory, needs: Needs, rules: Rules):
        self._needs, self._rules, self._vague = needs, rules, needs.vague
        self._needed: dict[str, bool] = {}
        self._made = {item.digest for item in inventory.items if item.kind is Kind.LATENTS}
        # Records of older versions name neither frames nor tails, and none names scores: their own records lead on.
        for kind in (Kind.FRAMES, Kind.TAIL, Kind.SCORE):
            for item in (one for one in inventory.items if one.kind is kind):
                self._needed[item.digest] = item.digest in needs.unfinished or self._leads_to_need(item)

    def is_garbage(self, item: Item) -> bool:
        """Says whether no kept run needs an item, nor any that may just be starting."""
        needs, kind = self._needs, item.kind
        if kind is Kind.FILE and (item.digest in needs.files or item.shared_bytes):
            return False
        if kind is Kind.OVERFLOW:
            age_s = self._rules.now_s - item.made_s
            return age_s > max(OVERFLOW_AGE_S, self._rules.keep_s) and not self._leads_to_need(item)
        if kind is not Kind.FILE and self._is_needed(item):
            return False
        if item.digest not in needs.used_s and needs.may_be_of_unfinished(item.made_s):
            return False
        return self._is_old(item)

    def is_unlisted(self, item: Item) -> bool:
        """Says whether a run of an older version that nobody lists may need a piece of garbage."""
        return (
            item.kind not in (Kind.FILE, Kind.OVERFLOW)
            and item.digest not in self._needs.used_s
            and item.made_s < self._rules.listed_since_s
            and self._rules.now_s - item.made_s < UNLISTED_AGE_S
        )

    def can_be_made_again(self, item: Item) -> bool:
        """Says whether an item is needed by unfinished clips alone that nobody is making."""
        needs = self._needs
        if item.kind not in AGAIN or item.digest in needs.running or not self._is_old(item):
            return False
        is_named = item.digest in needs.unfinished and self._is_needed(item)
        return is_named and not any(run.is_running and run.may_have_made(item.made_s) for run in needs.runs)

    def _is_old(self, item: Item) -> bool:
        if item.digest in self._rules.settled:
            return True
        used_s = max(item.made_s, self._needs.used_s.get(item.digest, 0.0))
        return self._rules.now_s - used_s > self._rules.keep_s

    def _is_needed(self, item: Item) -> bool:
        if item.kind is Kind.CHECKPOINT:
            return item.digest in self._needs.unfinished and item.digest not in self._made
        if item.kind in self._vague:
            return True
        return self._needed.get(item.digest, item.digest in self._needs.unfinished)

    def _leads_to_need(self, item: Item) -> bool:
        upstream = item.upstream() if self._needs.unfinished else ""
        return upstream in self._needs.unfinished or self._needed.get(upstream, False)


def _sorted(items: Iterable[Item], kinds: Sequence[Kind]) -> list[Item]:
    """Returns items in the order in which they go: by kind, the oldest first."""
    return sorted(items, key=lambda item: (kinds.index(item.kind), item.made_s, item.digest))


def _enough(items: Sequence[Item], excess: int) -> tuple[list[Item], int]:
    """Returns the first items that free so many bytes, and the bytes that are still too many."""
    found = []
    for item in items:
        if excess <= 0:
            break
        if item.own_bytes:
            found.append(item)
            excess -= item.own_bytes
    return found, excess
