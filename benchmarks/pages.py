"""Pictures of every page, in both themes and at three widths, and what axe-core finds in them.

    python -m benchmarks.pages FOLDER [--only gallery,viewer,...] [--firefox]

Renders runs with the embedded model below FOLDER (about two minutes, once: those that are there are taken), builds
their pages, opens each in Chromium, and writes FOLDER/pictures/PAGE-WIDTH-THEME.png. Violations that axe-core finds
and complaints of the console are printed; the last line counts them. `--firefox` writes pictures by Firefox too, which
is not driven, so that it shows pages as they open, without clicks. Needs `pip install '.[browser]'`, Chromium at
/usr/bin/chromium and, for `--firefox`, `firefox` or `firefox-esr`.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from vgpipe.report.build import build
from vgpipe.store.rundir import RunDir

CHROMIUM = "/usr/bin/chromium"
SIZES = ((1440, 900), (1024, 768), (390, 844))
PHONE_PX = 500
THEMES = ("light", "dark")
JOB = """\
defaults: {seed: 0}
prompts:
  - {prompt: "a {size} {colour} {shape} moving {way}", matrix: {size: [small, large], colour: [red, blue, green],
     shape: [circle, square], way: [left, up]}}
  - {prompt: "a wide blue square moving up, whose prompt is longer than what one line of a card can hold, as many are",
     width: 128, height: 64}
  - {prompt: a tall green triangle moving right, width: 64, height: 128}
  - {prompt: "a yellow <b>circle</b> & \\"quotes\\"", seeds: [1, 2, 3]}
  - {prompt: a film of a red circle, seconds: 8}
"""
FEW = """\
prompts: [a small red circle moving left, a large blue square moving up, a small green triangle moving right,
  a large yellow circle moving down]
"""
FIRST = "document.querySelector('.card')"


@dataclass(frozen=True)
class Scene:
    """A page as somebody sees it.

    Attributes:
        name: of its pictures.
        file: the page.
        hash: what its address ends in.
        script: what is done once it is there; "" for nothing.
    """

    name: str
    file: Path
    hash: str = ""
    script: str = ""


def main() -> int:
    """Writes the pictures, and returns how many complaints there are, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--firefox", action="store_true")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name]
    folder = arguments.folder.resolve()
    scenes = [scene for scene in made_scenes(folder) if not wanted or scene.name in wanted]
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        complaints = [text for scene in scenes for text in looked_at(browser, scene, pictures)]
        browser.close()
    if arguments.firefox:
        for scene in scenes:
            by_firefox(scene, pictures)
    print("\n".join([*complaints, f"{len(complaints)} complaints about {len(scenes)} pages in {pictures}"]))
    return min(len(complaints), 1)


def made_scenes(folder: Path) -> list[Scene]:
    """Returns all pages, rendering the runs that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clips.yaml").write_text(JOB)
    (folder / "few.yaml").write_text(FEW)
    done = run_of(folder, "clips", "job=clips.yaml", "exporter=mp4")
    drafts = run_of(folder, "drafts", "job=few.yaml", "draft=8")
    stopped = run_of(folder, "stopped", "job=clips.yaml", "quality=high", "store.dir=store2", ends="stopped")
    live = run_of(folder, "live", "job=clips.yaml", "quality=high", "store.dir=store3", ends="killed")
    sweep = folder / "sweep-sweep"
    if not sweep.exists():
        vgpipe(folder, "-m", "job=few.yaml", "quality=quick,standard", "clip.seed=0,1", "hydra.sweep.dir=sweep-sweep")
    vgpipe(folder, "report", "sweep-sweep")
    vgpipe(folder, "report", ".")
    vgpipe(folder, "plan", "model=wan21_t2v_1_3b", "hardware=rtx3060_12gb,rtx4090_24gb", "--html", "plan.html")
    pages = {name: build(RunDir(root)) for name, root in (("done", done), ("drafts", drafts), ("stopped", stopped))}
    build(RunDir(live))
    return [
        Scene("gallery", pages["done"]),
        Scene(
            "viewer",
            pages["done"],
            script=f"{FIRST}.focus(); window.vgpipeViewer.open(window.vgpipeGallery.shown()[0].id)",
        ),
        Scene(
            "compared",
            pages["done"],
            script="const [a, b] = window.vgpipeGallery.shown(); window.vgpipeViewer.open(a.id, {against: b.id})",
        ),
        Scene("drafts", pages["drafts"]),
        Scene("live", live / "report.html"),
        Scene("stopped", pages["stopped"]),
        Scene("sweep", sweep / "comparison.html"),
        Scene("index", folder / "index.html"),
        Scene("plan", folder / "plan.html"),
    ]


def run_of(folder: Path, name: str, *settings: str, ends: str = "done") -> Path:
    """Returns a run directory; a run that is to end early is sent a signal once a clip of it is done."""
    root = folder / name
    if root.exists():
        return root
    command = [sys.executable, "-m", "vgpipe", *settings, f"hydra.run.dir={name}", "checks=off"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while ends != "done" and process.poll() is None and not any((root / "videos").glob("*.mp4")):
        time.sleep(0.2)
    if ends == "stopped":
        process.send_signal(signal.SIGTERM)
    elif ends == "killed":
        process.kill()
    process.wait()
    return root


def vgpipe(folder: Path, *arguments: str) -> None:
    """Runs a command in a folder."""
    subprocess.run([sys.executable, "-m", "vgpipe", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def looked_at(browser: Browser, scene: Scene, pictures: Path) -> Iterator[str]:
    """Yields what axe-core and the console complain about."""
    for width, height in SIZES:
        for theme in THEMES:
            what = f"{scene.name}-{width}-{theme}"
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                bypass_csp=True,  # for axe-core, which is put into the page
                has_touch=width < PHONE_PX,
                is_mobile=width < PHONE_PX,
            )
            page = context.new_page()
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            opened(page, scene)
            page.screenshot(path=pictures / f"{what}.png")
            yield from (f"{what}: {text}" for text in said)
            yield from (f"{what}: {text}" for text in violations(page))
            context.close()


def opened(page: Page, scene: Scene) -> None:
    """Opens a page as its scene says."""
    page.goto(scene.file.as_uri() + scene.hash)
    page.wait_for_selector("html[data-ready]", timeout=20_000)
    page.wait_for_timeout(500)
    if scene.script:
        page.evaluate(f"() => {{ {scene.script} }}")
        page.wait_for_timeout(700)


def violations(page: Page) -> list[str]:
    """Returns a line for each rule that the page breaks."""
    found = Axe().run(page).response["violations"]
    return [f"axe {one['impact']} {one['id']}: {one['nodes'][0]['target']} ({len(one['nodes'])})" for one in found]


def by_firefox(scene: Scene, pictures: Path) -> None:
    """Writes pictures as Firefox draws the page when it opens."""
    program = shutil.which("firefox") or shutil.which("firefox-esr")
    if program is None:
        raise SystemExit("--firefox: neither firefox nor firefox-esr is on PATH")
    for width, height in SIZES:
        target = pictures / f"{scene.name}-{width}-firefox.png"
        command: Sequence[str] = (
            *(program, "--headless", f"--window-size={width},{height}"),
            *("--screenshot", str(target), scene.file.as_uri() + scene.hash),
        )
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    sys.exit(main())
