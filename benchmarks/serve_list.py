"""Measures what the page of all runs costs the machine that may be rendering: processor time of each poll.

    PYTHONPATH=. python benchmarks/serve_list.py FOLDER [--runs 500]

Writes that many finished runs of 80 clips into FOLDER, which must not exist, and an unfinished one of 2,000 clips,
and renders nothing; then asks for the list and for the report of the long run as the server does.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.report.runs import make_run, record
from vgpipe.serve import gallery
from vgpipe.serve.files import Folder
from vgpipe.serve.gallery import Gallery
from vgpipe.store.rundir import RunDir

CLIPS, LONG_CLIPS = 80, 2000


def write_runs(folder: Path, runs: int) -> RunDir:
    """Returns the run that is not finished."""
    for number in range(runs):
        run_dir = make_run(folder / f"job{number % 50}" / f"run{number}", records(CLIPS, CLIPS), has_ended=False)
        run_dir.append_event("run_ended", reason="finished", done=CLIPS, failed=0, stopped=0, pending=0)
    return make_run(folder / "long" / "run", records(LONG_CLIPS, LONG_CLIPS // 2), has_ended=False)


def records(clips: int, done: int) -> list[dict[str, object]]:
    """Returns records of clips, the first of which are done."""
    return [record(f"c{number}", state="done" if number < done else "pending") for number in range(clips)]


def measured(what: str, call: Callable[[], str]) -> str:
    """Prints what a call costs, and returns what it gives."""
    began, worked = time.perf_counter(), time.process_time()
    answer = call()
    cpu_ms, wall_ms = 1000 * (time.process_time() - worked), 1000 * (time.perf_counter() - began)
    print(f"{what}: {cpu_ms:.0f} ms of processor time, {wall_ms:.0f} ms, {len(answer):,} bytes")
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=500)
    given = parser.parse_args()
    gallery.REFRESH_S = 0.0
    gallery.MAX_SHARE = 1e9  # every poll is answered from the disk
    long_run = write_runs(given.folder, given.runs)
    with long_run:
        shown = Gallery(Folder(given.folder), str(given.folder))
        version = json.loads(measured("the first list", lambda: shown.listing("")))["version"]
        for _ in range(5):
            measured("a poll", lambda: shown.listing(version))
        for _ in range(3):
            long_run.append_event("stage_done", stage="denoise", clip="c1000", seconds=1.0)
            measured("a poll after news of the long run", lambda: shown.listing(version))
        place = shown.folder.place_of(["long", "run", "report-data.js"])
        if place is not None:
            measured("its report", lambda: shown.run_data(place))


if __name__ == "__main__":
    main()
