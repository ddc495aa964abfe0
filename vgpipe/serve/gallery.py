"""What the pages show: the list of runs, and the report of each. Everything is made in memory, from the records.

No page or script of a run directory is ever sent: a run may come from somebody else, and its report.html could then
read all others.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from vgpipe.report.build import run_data, title_of
from vgpipe.report.compare import comparison_page
from vgpipe.report.kept import MAX_SHARE, Kept
from vgpipe.report.page import script
from vgpipe.report.run_entry import RunEntry, changes_with, order_of, sweeps_in
from vgpipe.serve import pages
from vgpipe.serve.files import Folder, Place, is_plain
from vgpipe.store.run_folders import SWEEP_END, run_folders
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir

REFRESH_S, LOOK_S = 0.5, 5.0
"""How often runs are asked how they stand, and how often the folder is searched for new ones, at most."""
MAX_REPORTS = 16
"""How many reports are kept, of which each may take megabytes."""
PREFIX = "runs"
"""What the paths of all runs begin with."""
WRITTEN_S = 10.0
"""How often the report of a run that renders says that it is alive, in seconds."""

Names = tuple[str, ...]


class Gallery:
    """All runs below a folder.

    Args:
        folder: which is served.
        typed: the folder as the user typed it.
    """

    def __init__(self, folder: Folder, typed: str):
        self.folder = folder
        self._typed = typed
        self._list = _RunList(folder, typed)
        self._reports: OrderedDict[Names, Kept[str]] = OrderedDict()
        self._lock = threading.Lock()

    def page(self) -> str:
        """Returns the page of all runs."""
        return pages.runs_page(self._typed)

    def listing(self, since: str) -> str:
        """Returns the runs that have changed, as JSON.

        Args:
            since: the `version` of an earlier answer; any other text for all runs.
        """
        return json.dumps(self._list.since(since), ensure_ascii=True, allow_nan=False, separators=(",", ":"))

    def run_page(self, place: Place) -> str:
        """Returns the page of a run."""
        return pages.run_page(title_of(self.folder.run_dir(place)), depth=len(place.run) + 1)

    def run_data(self, place: Place) -> str:
        """Returns the data of a run's page, as a script."""
        run_dir = self.folder.run_dir(place)
        is_active = is_in_use(run_dir.root)
        mark = (changes_with(run_dir), is_active, int(time.time() / WRITTEN_S) if is_active else 0)
        return self._kept(place.run, mark, lambda: self._script(place))

    def comparison(self, sweep: Names) -> str | None:
        """Returns the page that compares the runs of a sweep; None where there are no two.

        Args:
            sweep: names from the folder to that of the sweep.
        """
        if not sweep or not sweep[-1].endswith(SWEEP_END) or not all(map(is_plain, sweep)):
            return None
        runs, root = self._runs_of(sweep), self.folder.root.joinpath(*sweep)
        if len(runs) < 2:
            return None
        return self._kept(sweep, tuple(map(changes_with, runs)), lambda: comparison_page(self._runs_of(sweep), root))

    def _runs_of(self, sweep: Names) -> list[RunDir]:
        root = self.folder.root.joinpath(*sweep)
        found = sorted((*sweep, path.name) for path in run_folders(root, depth=1))
        return [RunDir(self.folder.root.joinpath(*names)) for names in found if self.folder.holds_run(names)]

    def _kept(self, names: Names, mark: object, compute: Callable[[], str]) -> str:
        with self._lock:
            kept = self._reports.setdefault(names, Kept(compute))
            self._reports.move_to_end(names)
            while len(self._reports) > MAX_REPORTS:
                self._reports.popitem(last=False)
            return kept.value(mark)

    def _script(self, place: Place) -> str:
        run_dir = self.folder.run_dir(place)
        return script(run_data(run_dir))


class _RunList:
    """The runs, and in which version of the list each has last changed."""

    def __init__(self, folder: Folder, typed: str):
        self._folder, self._typed = folder, typed
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._entries: dict[Names, RunEntry] = {}
        self._shown: dict[Names, tuple[int, dict[str, Any]]] = {}
        self._names = Kept(self._look)
        self._fresh_until_s = 0.0
        self._lock = threading.Lock()

    def since(self, version: str) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() >= self._fresh_until_s:
                begun_s = time.monotonic()
                self._refresh()
                ended_s = time.monotonic()
                self._fresh_until_s = ended_s + max(REFRESH_S, (ended_s - begun_s) / MAX_SHARE)
            epoch, _, number = version.partition("-")
            known = int(number) if epoch == self._epoch and number.isascii() and number.isdigit() else 0
            return {
                "version": f"{self._epoch}-{self._version}",
                "order": [values["folder"] for _, values in self._shown.values()],
                "runs": [values for changed, values in self._shown.values() if changed > known],
                "comparisons": sweeps_in(values for _, values in self._shown.values()),
            }

    def _refresh(self) -> None:
        self._version += 1
        shown: list[tuple[Names, int, dict[str, Any]]] = []
        found = self._names.value(time.monotonic() // LOOK_S)
        self._entries = {names: self._entries.get(names) or self._entry(names) for names in found}
        for names, entry in self._entries.items():
            values = entry.values()
            if values is None:
                continue
            before = self._shown.get(names)
            is_same = before is not None and before[1] == values
            shown.append((names, before[0] if is_same and before else self._version, values))
        shown.sort(key=lambda one: order_of(one[2]), reverse=True)
        self._shown = {names: (changed, values) for names, changed, values in shown}

    def _look(self) -> list[Names]:
        roots = run_folders(self._folder.root)
        found = [root.relative_to(self._folder.root).parts for root in roots]
        return [names for names in found if all(map(is_plain, names)) and self._folder.holds_run(names)]

    def _entry(self, names: Names) -> RunEntry:
        return RunEntry(self._folder.root.joinpath(*names), names, os.path.join(self._typed, *names), prefix=PREFIX)
