"""How fast the page of all runs is with thousands of runs, in a real Chromium.

    python -m benchmarks.index_page [--runs 2000]

Makes that many run directories of 20 clips with four posters each (hard links of one), a quarter of them in sweeps of
ten, writes the page of all of them, and opens it from the disk: until it answers, a search, fast scrolling. Needs
`pip install '.[browser]'` and Chromium at /usr/bin/chromium. The figures in docs/benchmarks.md come from it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.report_page import CHROMIUM, READY, SCROLL, timed
from benchmarks.report_page import record as clip_record
from vgpipe.report.index import write_index
from vgpipe.store.rundir import RunDir

CLIPS, POSTERS, GOES = 20, 4, 5
SEARCH = """async () => {
  const started = performance.now(), field = document.getElementById('search');
  field.value = 'job 77'; field.dispatchEvent(new Event('input'));
  await new Promise(next => requestAnimationFrame(() => setTimeout(next)));
  const took = performance.now() - started;
  field.value = ''; field.dispatchEvent(new Event('input'));
  return took;
}"""


def main() -> None:
    """Measures, and prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        write_runs(outputs, count)
        print(f"load {os.getloadavg()[0]:.1f}, {count} runs")
        print(f"writing it, with the page of each run: {timed(lambda: write_index(outputs, 'outputs')):.2f} s")
        print(f"writing it again: {timed(lambda: write_index(outputs, 'outputs')):.2f} s")
        print(f"size: {(outputs / 'index.html').stat().st_size / 1e6:.1f} MB")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            goes = [gone(browser.new_page(viewport={"width": 1360, "height": 900}), outputs) for _ in range(GOES)]
            browser.close()
    for name in goes[0]:
        found = sorted(go[name] for go in goes)
        print(f"{name}: {found[0]:.2f} to {found[-1]:.2f} in {GOES} goes")


def write_runs(outputs: Path, count: int) -> None:
    """Writes the run directories."""
    outputs.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (45, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((640, 360), Image.Resampling.BICUBIC).save(outputs / "still.jpg", quality=88)
    for number in range(count):
        is_sweep = number % 40 < 10
        name = f"sweep{number // 40}-sweep/seed={number % 40}" if is_sweep else f"run{number}"
        root = outputs / f"job{number // 40}" / name
        (root / "sheets").mkdir(parents=True)
        run_dir = RunDir(root)
        run_dir.write_clips(clip_record(clip) | {"prompt": f"prompt {clip} of job {number}"} for clip in range(CLIPS))
        run_dir.append_event("run_started", clips=CLIPS, job=f"job {number}")
        run_dir.append_event("run_ended", reason="finished", done=CLIPS, failed=0, stopped=0, pending=0)
        for clip in range(POSTERS):
            os.link(outputs / "still.jpg", root / f"sheets/clip{clip}.poster.jpg")


def gone(page: Page, outputs: Path) -> dict[str, float]:
    """Returns the figures of one go."""
    page.goto((outputs / "index.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    found = {"opening until it answers, s": page.evaluate(READY) / 1000}
    found["a search, s"] = page.evaluate(SEARCH) / 1000
    page.wait_for_timeout(500)
    found["longest frame while scrolling, s"] = page.evaluate(SCROLL) / 1000
    page.close()
    return found


if __name__ == "__main__":
    main()
