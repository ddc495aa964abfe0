"""What five tasks take on the page of a run, in clicks, keys and seconds, before and after the page became a gallery.

    python -m benchmarks.gallery_tasks --before PYTHON

PYTHON is the interpreter of an environment with the version of before (its page had a card with all settings per
clip, and no viewer). Both versions build the page of the same run: 50 prompts with two seeds each, three clips failed.
Every task is carried out on both pages in Chromium, 1440x900, and must reach its goal.

Seconds are those of the keystroke-level model (Card, Moran and Newell, "The keystroke-level model for user performance
time with interactive systems", CACM 23(7), 1980): 0.28 s a key (average non-secretary typist), 1.10 s to point, 0.20 s
to click, 0.40 s for the hand to go between mouse and keyboard, 1.35 s to decide, which stands before each new intent.
A page scrolled counts as a key. No person was timed. Needs `pip install '.[browser]'` and Chromium at
/usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.report_page import CHROMIUM, made_run
from benchmarks.report_page import record as clip_record
from vgpipe.store.rundir import RunDir

KEY_S, POINT_S, CLICK_S, HOME_S, DECIDE_S = 0.28, 1.10, 0.20, 0.40, 1.35
PROMPTS, SEEDS, FAILED = 50, 2, (17, 42, 80)
PICKED = range(4, 100, 10)
STATUS = "python -m vgpipe status"
SLOW = ("clip.prompt=a red circle moving left", "model.reference.num_inference_steps=1000", "checks=off")


@dataclass
class Person:
    """Carries out a task on a page, and counts.

    Attributes:
        page: on which.
        clicks: made so far.
        keys: pressed so far, and pages scrolled.
        seconds: by the keystroke-level model.
    """

    page: Page
    clicks: int = 0
    keys: int = 0
    seconds: float = 0.0
    _is_at_mouse: bool = field(default=True)

    def decide(self) -> None:
        """Thinks of what to do next."""
        self.seconds += DECIDE_S

    def click(self, selector: str, at: int = 0, inside: str = "") -> None:
        """Points at an element, or at one inside it, and clicks, after scrolling to it."""
        target = self.page.locator(selector).nth(at)
        self._scroll_to(target.evaluate("one => one.getBoundingClientRect().bottom + scrollY"))
        self._home(to_mouse=True)
        (target.locator(inside).first if inside else target).click()
        self.clicks += 1
        self.seconds += POINT_S + CLICK_S

    def press(self, key: str) -> None:
        """Presses one key."""
        self._home(to_mouse=False)
        self.page.keyboard.press(key)
        self.keys += 1
        self.seconds += KEY_S

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        for letter in text:
            self.press(letter)

    def type_elsewhere(self, text: str) -> None:
        """Types into another window, a terminal, to which the person switches by two keys."""
        self._home(to_mouse=False)
        self.keys += 2 + len(text) + 1
        self.seconds += KEY_S * (2 + len(text) + 1)

    def _scroll_to(self, bottom: float) -> None:
        """Scrolls by pages until a place of the document is on the screen."""
        while bottom > self.page.evaluate("scrollY + innerHeight"):
            before = self.page.evaluate("scrollY")
            self.page.evaluate("scrollBy({top: innerHeight * 0.9, behavior: 'instant'})")
            self.page.wait_for_timeout(150)
            if self.page.evaluate("scrollY") == before:
                return
            self.keys += 1
            self.seconds += KEY_S

    def _home(self, *, to_mouse: bool) -> None:
        if self._is_at_mouse != to_mouse:
            self.seconds += HOME_S
        self._is_at_mouse = to_mouse


Task = Callable[[Person], bool]
SHOWN = "[...document.querySelectorAll('.card')].filter(one => one.offsetParent).length"


def find_failed_before(person: Person) -> bool:
    """Presses the filter "failed"."""
    person.decide()
    person.click("#states button:has-text('failed')")
    return bool(person.page.evaluate(SHOWN) == len(FAILED))


def find_failed_after(person: Person) -> bool:
    """Presses the filter "failed"."""
    person.decide()
    person.click("button.chip:has-text('failed')")
    return bool(person.page.evaluate(SHOWN) == len(FAILED))


def compare_before(person: Person) -> bool:
    """Searches the prompt, and plays its two clips one after the other: the page plays one, and shows no difference."""
    person.decide()
    person.press("/")
    person.type("harbour-20")
    person.decide()
    for at in range(SEEDS):
        person.click(".card", at, ".media")
        person.decide()
    return bool(person.page.evaluate(SHOWN) == SEEDS)


def compare_after(person: Person) -> bool:
    """Searches the prompt, opens a clip of it, and compares it with its neighbour, which the viewer offers."""
    person.decide()
    person.press("/")
    person.type("harbour-20")
    person.decide()
    person.click(".card")
    person.press("b")
    person.page.wait_for_timeout(300)
    person.decide()
    return bool(
        person.page.evaluate(
            "window.vgpipeViewer.isOpen() && document.querySelectorAll('dialog video, dialog img').length >= 2"
        )
    )


def pick_before(person: Person) -> bool:
    """Presses "pick" on ten cards."""
    person.decide()
    for at in PICKED:
        person.click(".card", at, ".buttons button:first-child")
    return bool(person.page.locator(".card.picked").count() == len(PICKED))


def pick_after(person: Person) -> bool:
    """Makes the pictures smaller by two keys, and presses the mark on ten cards."""
    person.decide()
    for _ in range(2):
        person.press("-")
    person.page.wait_for_timeout(400)
    for at in PICKED:
        person.click(".card", at, "[data-act=pick]")
    return bool(person.page.evaluate("window.vgpipeMarks.picked().length") == len(PICKED))


def copy_before(person: Person) -> bool:
    """Presses "copy command" on the card of the first clip."""
    person.decide()
    person.click(".card .buttons button:nth-child(2)")
    return True


def copy_after(person: Person) -> bool:
    """Opens the first clip, and presses the key that copies."""
    person.decide()
    person.click(".card")
    person.press("c")
    return bool(person.page.evaluate("window.vgpipeViewer.isOpen()"))


def finish_before(person: Person) -> bool:
    """Asks in a terminal: the page says for how long it runs, not until when."""
    person.decide()
    person.type_elsewhere(STATUS)
    person.decide()
    return "live" in person.page.inner_text("#status")


def finish_after(person: Person) -> bool:
    """Reads it at the top of the page."""
    person.decide()
    return bool(
        person.page.evaluate(
            r"/(until|done|finish\w*) (about )?(at )?\d/i.test(document.querySelector('header').innerText)"
        )
    )


TASKS: dict[str, tuple[Task, Task]] = {
    "find the failed clips": (find_failed_before, find_failed_after),
    "compare two seeds": (compare_before, compare_after),
    "pick ten of a hundred": (pick_before, pick_after),
    "copy a command": (copy_before, copy_after),
    "see when it will be done": (finish_before, finish_after),
}


def main() -> int:
    """Prints a row for each task, and returns how many goals were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True)
    before = parser.parse_args().before
    missed = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        print(f"{'task':26} {'':7} clicks  keys  seconds")
        for version, python in enumerate((before, sys.executable)):
            done = made_page(Path(folder) / f"done{version}", python)
            with Rendering(Path(folder) / f"live{version}", python) as live:
                for name, versions in TASKS.items():
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    page.goto((live if "when" in name else done).as_uri())
                    page.wait_for_selector("html[data-ready]")
                    page.wait_for_timeout(1500)
                    person = Person(page)
                    is_reached = versions[version](person)
                    missed += not is_reached
                    when = ("before", "after")[version]
                    row = f"{name:26} {when:7} {person.clicks:6} {person.keys:5} {person.seconds:8.1f}"
                    print(row if is_reached else f"{row}  goal missed")
                    page.close()
        browser.close()
    return missed


def made_page(root: Path, python: str) -> Path:
    """Returns the page of a finished run, built by one version."""
    run_dir: RunDir = made_run(root, PROMPTS * SEEDS)
    run_dir.write_clips(changed_record(number) for number in range(PROMPTS * SEEDS))
    run_dir.append_event("run_started", clips=PROMPTS * SEEDS)
    run_dir.append_event("run_ended", reason="finished")
    subprocess.run([python, "-m", "vgpipe", "report", str(root)], cwd=root.parent, check=True, capture_output=True)
    return run_dir.report


def changed_record(number: int) -> dict[str, object]:
    """Returns a record: pairs of clips share a prompt, and three have failed."""
    known = clip_record(number) | {"prompt": f"harbour-{number // SEEDS} in rain", "seed": number % SEEDS}
    return known | ({"state": "failed", "error": "decode: out of memory", "files": {}} if number in FAILED else {})


class Rendering:
    """A run that renders while its page is looked at.

    Args:
        root: its directory.
        python: the interpreter of the version that renders.
    """

    def __init__(self, root: Path, python: str):
        self._root, self._python = root, python

    def __enter__(self) -> Path:
        command: Sequence[str] = (
            self._python,
            "-m",
            "vgpipe",
            *SLOW,
            f"hydra.run.dir={self._root}",
            f"store.dir={self._root}-store",
        )
        self._process = subprocess.Popen(
            command, cwd=self._root.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        page = RunDir(self._root).report
        while not page.exists() or "denoise" not in (self._root / "run.log").read_text():
            if self._process.poll() is not None:
                raise SystemExit(f"the run ended with exit code {self._process.returncode}")
            time.sleep(0.2)
        time.sleep(20)  # the page's data is written every five seconds
        return page

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    sys.exit(main())
