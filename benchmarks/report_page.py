"""How fast a run's page is with thousands of clips, in a real Chromium.

    python benchmarks/report_page.py [--clips 2000]

Makes a run directory with a video and a still of 640x360 for each clip (hard links of one), builds its page, draws its
contact sheet, and opens the page from the disk: until it answers, a search, fast scrolling. Needs `pip install
'.[browser]'` and Chromium at /usr/bin/chromium. The figures in docs/benchmarks.md come from it.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from vgpipe.exporters.base import exporter
from vgpipe.report.build import build
from vgpipe.report.contact_sheet import write_contact_sheet
from vgpipe.store.rundir import RunDir

CHROMIUM = "/usr/bin/chromium"
GOES = 10
READY = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
SEARCH = """async (count) => {
  const started = performance.now(), field = document.getElementById('search');
  field.value = 'clip19'; field.dispatchEvent(new Event('input'));
  while (document.querySelectorAll('.card').length === count) await new Promise(next => setTimeout(next, 5));
  await new Promise(next => requestAnimationFrame(() => setTimeout(next)));
  const took = performance.now() - started;
  field.value = ''; field.dispatchEvent(new Event('input'));
  return took;
}"""
SCROLL = """async () => {
  let worst = 0, last = performance.now();
  for (let step = 0; step < 90; step++) {
    scrollBy(0, 400);
    await new Promise(next => requestAnimationFrame(next));
    worst = Math.max(worst, performance.now() - last); last = performance.now();
  }
  return worst;
}"""
DECODERS = "[...document.querySelectorAll('video')].filter(video => video.readyState > 0).length"


def main() -> None:
    """Measures, and prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000)
    count = parser.parse_args().clips
    with tempfile.TemporaryDirectory() as folder:
        run_dir = made_run(Path(folder) / "run", count)
        print(f"load {os.getloadavg()[0]:.1f}, {count} clips")
        built_s = timed(lambda: build(run_dir))
        print(f"building: {built_s:.2f} s, {run_dir.report_data.stat().st_size / 1e6:.1f} MB of data")
        took_s = timed(lambda: write_contact_sheet(run_dir))
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with Image.open(run_dir.contact_sheet) as sheet:
            print(f"contact sheet: {took_s:.2f} s, {sheet.width}x{sheet.height}, process {peak_mb:.0f} MB at most")
        opened(run_dir, count)


def timed(work: Any) -> float:
    """Returns the seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def made_run(root: Path, count: int) -> RunDir:
    """Makes a finished run's directory."""
    for name in ("videos", "sheets"):
        (root / name).mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (45, 80, 3), dtype=np.uint8)
    still = Image.fromarray(noise).resize((640, 360), Image.Resampling.BICUBIC)
    still.save(root / "still.jpg", quality=88)
    exporter({"name": "mp4"}).export(np.stack([np.asarray(still)] * 16), fps=8, folder=root)
    run_dir = RunDir(root)
    for number in range(count):
        os.link(root / "video.mp4", root / f"videos/clip{number}.mp4")
        os.link(root / "still.jpg", root / f"sheets/clip{number}.poster.jpg")
    run_dir.write_clips(record(number) for number in range(count))
    return run_dir


def record(number: int) -> dict[str, Any]:
    """Returns a clip's line in clips.jsonl."""
    name = f"clip{number}"
    return {
        **{"clip": name, "state": "done", "prompt": "some words " * 20, "negative_prompt": "", "seed": number},
        **{"width": 640, "height": 360, "num_frames": 16, "fps": 8.0, "num_inference_steps": 20},
        **{"guidance_scale": 3.0, "model": "shapes", "degradations": [], "error": None},
        "files": {"mp4": f"videos/{name}.mp4", "poster": f"sheets/{name}.poster.jpg"},
        "seconds": {"denoise": 60.0, "decode": 9.0, "export": 1.0},
        "measures": {"sharpness": 222.1, "motion": 0.9, "contrast": 33.0, "flicker": 0.6},
    }


def opened(run_dir: RunDir, count: int) -> None:
    """Opens the page several times and prints the least and the most of each figure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        goes = [gone(browser.new_page(viewport={"width": 1360, "height": 900}), run_dir, count) for _ in range(GOES)]
        browser.close()
    for name in goes[0]:
        found = sorted(go[name] for go in goes)
        print(f"{name}: {found[0]:.2f} to {found[-1]:.2f} in {GOES} goes")


def gone(page: Page, run_dir: RunDir, count: int) -> dict[str, float]:
    """Returns the figures of one go."""
    page.goto(run_dir.report.as_uri())
    page.wait_for_selector("html[data-ready]")
    found = {"opening until it answers, s": page.evaluate(READY) / 1000}
    found["a search, s"] = page.evaluate(SEARCH, count) / 1000
    page.wait_for_timeout(500)
    found["longest frame while scrolling, s"] = page.evaluate(SCROLL) / 1000
    found["videos that hold a decoder"] = page.evaluate(DECODERS)
    page.close()
    return found


if __name__ == "__main__":
    main()
