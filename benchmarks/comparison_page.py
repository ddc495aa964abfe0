"""How fast the page of a large sweep is, in a real Chromium.

    python -m benchmarks.comparison_page [--prompts 200]

Makes the 96 runs of a sweep over 8 qualities, 4 guidance scales and 3 seeds, with a video and a poster of 640x360 for
each prompt (hard links of one), builds the page that compares them, and opens it from the disk: until it answers,
another tab, two settings in the columns, fast scrolling. Needs `pip install '.[browser]'` and Chromium at
/usr/bin/chromium. The figures in docs/benchmarks.md come from it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.report_page import CHROMIUM, READY, SCROLL, made_run, record
from vgpipe.report.compare import NAME, build_comparison
from vgpipe.store.rundir import RunDir

GOES = 5
AXES: dict[str, tuple[Any, ...]] = {
    "quality": tuple("abcdefgh"),
    "clip.guidance_scale": (1, 2, 3, 5),
    "clip.seed": (0, 1, 2),
}
CHANGE = """(act) => {
  const started = performance.now();
  act === 'tab' ? document.querySelectorAll('.tab')[1].click() : (() => {
    const choice = document.querySelectorAll('#arrange select')[1];
    choice.value = 'columns'; choice.dispatchEvent(new Event('change'));
  })();
  return new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() - started))));
}"""


def main() -> None:
    """Measures, and prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=200)
    count = parser.parse_args().prompts
    with tempfile.TemporaryDirectory() as folder:
        runs = list(made_sweep(Path(folder), count))
        print(f"load {os.getloadavg()[0]:.1f}, {len(runs)} runs of {count} clips")
        started_s = time.process_time()
        page = build_comparison(runs, Path(folder) / NAME)
        print(f"building: {time.process_time() - started_s:.1f} s of CPU, {page.stat().st_size / 1e6:.1f} MB")
        opened(page)


def made_sweep(folder: Path, count: int) -> Iterator[RunDir]:
    """Makes the runs of the sweep; yields each."""
    source = made_run(folder / "source", 1).root
    for number, values in enumerate(product(*AXES.values())):
        words = [f"{key}={value}" for key, value in zip(AXES, values, strict=True)]
        run_dir = RunDir(folder / "x-sweep" / ",".join(words))
        for name in ("videos", "sheets"):
            (run_dir.root / name).mkdir(parents=True)
        for clip in range(count):
            os.link(source / "video.mp4", run_dir.root / f"videos/clip{clip}.mp4")
            os.link(source / "still.jpg", run_dir.root / f"sheets/clip{clip}.poster.jpg")
        run_dir.write_clips(
            {**record(clip), "prompt": f"some words {clip}", "seconds": {"denoise": float(number)}}
            for clip in range(count)
        )
        run_dir.append_event("run_started", clips=count, overrides=words)
        yield run_dir


def opened(path: Path) -> None:
    """Opens the page several times and prints the least and the most of each figure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        goes = [gone(browser.new_page(viewport={"width": 1360, "height": 900}), path) for _ in range(GOES)]
        browser.close()
    for name in goes[0]:
        found = sorted(go[name] for go in goes)
        print(f"{name}: {found[0]:.2f} to {found[-1]:.2f} in {GOES} goes")


def gone(page: Page, path: Path) -> dict[str, float]:
    """Returns the figures of one go."""
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    found = {"opening until it answers, s": page.evaluate(READY) / 1000}
    page.wait_for_timeout(500)
    found["another tab, s"] = page.evaluate(CHANGE, "tab") / 1000
    found["two settings in 32 columns, s"] = page.evaluate(CHANGE, "columns") / 1000
    page.wait_for_timeout(500)
    found["longest frame while scrolling, s"] = page.evaluate(SCROLL) / 1000
    page.close()
    return found


if __name__ == "__main__":
    main()
