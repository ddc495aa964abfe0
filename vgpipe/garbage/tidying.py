"""Frees what no kept run needs of a store, and says beforehand how much that is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.garbage.choice import LEAST_AGE_S, Beyond, Choice, Rules, choose
from vgpipe.garbage.inventory import Inventory, Item, take_inventory
from vgpipe.garbage.needs import KeptRuns, Needs
from vgpipe.garbage.removal import Freed, alone, remove
from vgpipe.store.run_list import begin_list, listed_since_s
from vgpipe.store.work_marks import left_marks

log = logging.getLogger(__name__)

OUTPUTS = Path("outputs")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a store holds, and what of it would go.

    Attributes:
        inventory: all that it holds.
        needs: of all kept runs.
        choice: what goes.
    """

    inventory: Inventory
    needs: Needs
    choice: Choice

    @property
    def frees_bytes(self) -> int:
        """Bytes that would be free."""
        return sum(item.own_bytes for item in self.choice.items) + sum(self.inventory.leftovers.values())

    @property
    def left_bytes(self) -> int:
        """Bytes that the store alone would take then."""
        return self.inventory.own_bytes - self.frees_bytes


class Tidying:
    """Tidies one store up.

    Args:
        store: its root.
        folders: where to look for runs that the store does not list; the folder around it is looked through anyway.
        keep_s: what was made or used in this time is kept; never less than some hours.
        max_bytes: what the store may take; None frees all garbage.
        beyond: what else may go where that is not enough.
    """

    def __init__(
        self,
        store: Path,
        folders: Sequence[Path] = (),
        *,
        keep_s: float = 0.0,
        max_bytes: int | None = None,
        beyond: Beyond = Beyond.NOTHING,
    ):
        self.store = store
        self._runs = KeptRuns(store, [*_around(store), *folders])
        self._rules = Rules(
            now_s=time.time(),
            keep_s=max(LEAST_AGE_S, keep_s),
            listed_since_s=listed_since_s(store),
            max_bytes=max_bytes,
            beyond=beyond,
        )

    def outlook(self, settled_in: Path | None = None) -> Outlook:
        """Returns what would go.

        Args:
            settled_in: a run whose finished clips need nothing but their files, however lately they were made.
        """
        needs, inventory = self._runs.needs(), take_inventory(self.store)
        if settled_in is not None:
            own = [run for run in needs.runs if run.root == settled_in.resolve()]
            self._rules = replace(self._rules, settled=frozenset().union(*(run.others for run in own)))
        return Outlook(inventory, needs, choose(inventory, needs, self._rules))

    def free(self, outlook: Outlook) -> Freed:
        """Removes what goes, unless a run needs it by now.

        Raises:
            AnotherAtWork: where another process does that.
            StoreError: where the store cannot be written.
        """
        for mark in left_marks(self.store):  # removes those that nobody has asked for in a week
            log.debug("kept: %s", mark.path)
        return remove(outlook.choice.items, outlook.inventory.leftovers, lambda: self._still_goes(outlook))

    def _still_goes(self, outlook: Outlook) -> Callable[[Item], bool]:
        needs = self._runs.needs()
        if needs is outlook.needs:
            return lambda item: True
        left = replace(outlook.inventory, leftovers={}, items=outlook.choice.items)
        rules = replace(self._rules, max_bytes=None if self._rules.max_bytes is None else 0)
        still = {(item.kind, item.digest) for item in choose(left, needs, rules).items}
        return lambda item: (item.kind, item.digest) in still


def freeable_bytes(store: Path) -> int:
    """Returns how many bytes `gc` would free."""
    return Tidying(store).outlook().frees_bytes


def tidy(tidying: Tidying, settled_in: Path | None = None) -> tuple[Outlook, Freed]:
    """Frees what goes, alone; returns what was there, and what was freed.

    Args:
        tidying: the store and the rules.
        settled_in: see `Tidying.outlook`.

    Raises:
        AnotherAtWork: where another process does that.
        OSError: where the store cannot be written.
    """
    begin_list(tidying.store)
    with alone(tidying.store):
        outlook = tidying.outlook(settled_in)
        return outlook, tidying.free(outlook)


def _around(store: Path) -> list[Path]:
    """Returns the folders in which the runs of a store lie as a rule; not the top of a disk or of a home."""
    around = store.absolute().parent
    return [OUTPUTS] if around in (Path(around.anchor), _home()) else [around, OUTPUTS]


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None
