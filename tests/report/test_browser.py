"""The page in a real Chromium, opened from the disk; skipped where there is none (`pip install '.[browser]'`)."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.runs import HOSTILE, make_run, record
from vgpipe.config.load import load
from vgpipe.report.build import build
from vgpipe.report.compare import build_comparison

CHROMIUM = Path("/usr/bin/chromium")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium")
READY_S = 5.0  # for 2,000 clips, beside other tests; 0.8 to 1.0 by itself


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens a run's page; in the end there must have been no complaint in its console."""
    complaints: list[str] = []
    pages = []

    def opened(run_dir, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and complaints.append(request.url))
        page.goto((run_dir if isinstance(run_dir, Path) else build(run_dir)).as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


def write_video(path: Path) -> None:
    import imageio_ffmpeg

    path.parent.mkdir(exist_ok=True, parents=True)
    writer = imageio_ffmpeg.write_frames(str(path), (64, 48), fps=8, codec="libx264", macro_block_size=2)
    writer.send(None)
    for shade in range(17):
        writer.send(np.full((48, 64, 3), shade * 15, np.uint8))
    writer.close()


def until(page, expression: str) -> None:
    """Waits until an expression holds; Playwright's own way needs eval, which the page's policy forbids."""
    end = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(20)


def shown(page) -> list[str]:
    return page.eval_on_selector_all(".card", "cards => cards.map(card => card.entry.clip.id)")


@pytest.fixture
def mixed(tmp_path):
    records = [
        record("a", prompt="a red circle", seed=9),
        record("b", prompt="a blue square", seed=2**62, seconds={"denoise": 9.0}),
        record("c", state="failed", error="decode: out of memory", files={}, seed=1),
        record("d", degradations=[{"kind": "dtype", "asked": "x", "got": "y", "reason": "z"}], seed=2**62 - 1),
    ]
    run_dir = make_run(tmp_path, records)
    for name in ("a", "b", "d"):
        write_video(tmp_path / "videos" / f"{name}.mp4")
    return run_dir


def test_a_video_plays_where_the_pointer_is(open_page, mixed):
    page = open_page(mixed)
    assert page.evaluate("document.querySelector('video').paused")
    page.hover(".card video")
    until(page, "document.querySelector('video').currentTime > 0.2")
    page.hover("h1")
    until(page, "document.querySelector('video').paused")


def test_a_broken_video_says_so(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a")])
    (tmp_path / "videos" / "a.mp4").write_bytes(b"this is no video" * 100)
    page = open_page(run_dir)
    page.wait_for_selector("text=this browser cannot play it")


def test_keyboard(open_page, mixed):
    page = open_page(mixed)
    for key in ("j", "j", "p", "k", "p"):
        page.keyboard.press(key)
    assert page.text_content("#picked") == "2 picked"
    assert page.get_attribute(".current", "class").split() == ["card", "current", "picked"]
    page.keyboard.press(" ")
    until(page, "document.querySelector('.current video').paused")
    page.keyboard.press(" ")
    until(page, "document.querySelector('.current video').currentTime > 0.1")
    page.keyboard.press("/")
    page.keyboard.type("jp")
    assert page.input_value("#search") == "jp"


def test_search_filter_and_sort(open_page, mixed):
    page = open_page(mixed)
    assert shown(page) == ["a", "b", "c", "d"]
    page.fill("#search", "RED circle")
    until(page, "document.querySelectorAll('.card').length === 1")
    page.fill("#search", "out of memory")
    until(page, "document.querySelector('.card').entry.clip.id === 'c'")
    page.fill("#search", "nothing of the kind")
    page.wait_for_selector("#empty:visible")
    page.fill("#search", "")
    until(page, "document.querySelectorAll('.card').length === 4")
    page.click("#states button:has-text('failed')")
    assert shown(page) == ["c"] and "decode: out of memory" in page.text_content(".note.bad")
    page.click("#states button:has-text('degraded')")
    assert shown(page) == ["d"] and "dtype: y in place of x (z)" in page.text_content(".note.warn")
    page.click("#states button:has-text('degraded')")
    page.select_option("#sort", "seconds")
    assert shown(page)[0] == "b"
    page.select_option("#sort", "seed")
    assert shown(page) == ["c", "a", "d", "b"]


def test_picks_stay_and_give_commands(open_page, mixed):
    page = open_page(mixed)
    page.click(".card >> nth=1 >> button.pick")
    lines = page.text_content("#commands").splitlines()
    config = load(shlex.split(lines[0])[3:])
    assert (config.clip.prompt, config.clip.seed, config.quality.steps_scale) == ("a blue square", 2**62, 1.5)
    page.reload()
    page.wait_for_selector("#picks:visible")
    page.click("#clear-picks")
    assert page.is_hidden("#picks")


def test_copy_button(open_page, mixed):
    page = open_page(mixed)
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    page.click("button.copy")
    assert load(shlex.split(page.evaluate("window.copied"))[3:]).clip.prompt == "a red circle"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_and_charts(open_page, mixed, theme):
    page = open_page(mixed, color_scheme=theme)
    assert page.get_attribute("html", "data-theme") == theme
    page.click("#charts summary")
    page.wait_for_selector("#chart-seconds canvas")
    page.wait_for_selector("#chart-timeline canvas")
    page.click("#theme")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "dark"


def test_hostile_prompts_are_text(open_page, tmp_path):
    records = [
        record(name, prompt=text, error=text, negative_prompt=text, model=text, files={})
        for name, text in HOSTILE.items()
    ]
    page = open_page(make_run(tmp_path, [*records, record("js", files={"mp4": "javascript:window.pwned=1"})]))
    for card in page.query_selector_all(".card summary"):
        card.click()
    assert page.evaluate("window.pwned") is None
    texts = page.eval_on_selector_all(".prompt", "all => all.map(one => one.textContent)")
    assert texts[: len(HOSTILE)] == list(HOSTILE.values())
    assert page.query_selector_all("main img, main script, a[href^=javascript]") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_stops_what_slips_in(browser, mixed):
    page = browser.new_page()
    page.goto(build(mixed).as_uri())
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned=1\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.pwned=1'}))")
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    page.close()


def test_the_page_follows_a_run(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a", state="pending", files={})], has_ended=False)
    page = open_page(run_dir)
    assert "this page follows it" in page.inner_text("#status")
    run_dir.append_clip(record("a", state="failed", error="denoise: no", files={}))
    run_dir.append_event("run_ended", reason="finished")
    build(run_dir, with_page=False)
    page.wait_for_selector("text=denoise: no", timeout=15_000)
    assert "finished" in page.inner_text("#status")


def test_two_thousand_clips_are_quick(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record(f"clip{number}", prompt="some words " * 20) for number in range(2000)])
    write_video(tmp_path / "videos" / "clip0.mp4")
    for number in range(1, 2000):
        (tmp_path / "videos" / f"clip{number}.mp4").unlink()
        (tmp_path / "videos" / f"clip{number}.mp4").hardlink_to(tmp_path / "videos" / "clip0.mp4")
    page = open_page(run_dir)
    ready_s = page.evaluate(
        "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
    )
    assert ready_s / 1000 < READY_S
    assert page.evaluate("document.querySelectorAll('video[src]').length") < 60
    begin = time.monotonic()
    page.fill("#search", "clip1999")
    until(page, "document.querySelectorAll('.card').length === 1")
    search_s = time.monotonic() - begin
    page.fill("#search", "")
    until(page, "document.querySelectorAll('.card').length === 2000")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(page, "document.querySelector('.card:last-child video[src]')?.readyState > 0")
    assert page.evaluate("document.querySelectorAll('video[src]').length") < 60
    print(f"ready {ready_s:.0f} ms, search {search_s * 1000:.0f} ms")


def test_videos_of_a_row_play_together(open_page, tmp_path):
    runs = [make_run(tmp_path / name, [record("a", prompt=HOSTILE["html"])]) for name in ("one", "two <b>")]
    for run_dir in runs:
        write_video(run_dir.root / "videos" / "a.mp4")
    page = open_page(build_comparison(runs, tmp_path / "comparison.html"))
    page.click("#rows button")
    until(page, "[...document.querySelectorAll('video')].every(video => video.currentTime > 0.5)")
    first, second = page.evaluate("[...document.querySelectorAll('video')].map(video => video.currentTime)")
    assert abs(first - second) < 0.2
    until(page, "document.querySelector('video').currentTime < 0.4")  # begins again
    page.click("#rows button")
    until(page, "[...document.querySelectorAll('video')].every(video => video.paused)")
    assert page.text_content("#rows .prompt") == HOSTILE["html"] and page.evaluate("window.pwned") is None
