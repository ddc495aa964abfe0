"""The pages in a real Chromium, opened from the disk: search, keys, picks, charts, and 2,000 clips."""

from __future__ import annotations

import io
import json
import shlex
import time

import numpy as np
import pytest
from PIL import Image

from tests.report.browsing import until, write_image, write_video
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.config.load import load
from vgpipe.report.build import build

READY_S = 5.0  # for 2,000 clips, beside other tests; 0.8 to 1.0 by itself
LANES = {"denoise": (0x35, 0x77, 0xDD), "export": (0xD0, 0x8A, 0x14)}  # the colours of the light theme


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
    page.keyboard.press("a")
    until(page, "[...document.querySelectorAll('.card video')].every(one => !one.paused)")
    page.hover(".card >> nth=0")
    page.hover("h1")
    page.wait_for_timeout(50)
    assert not page.evaluate("document.querySelector('.card video').paused")
    page.keyboard.press("a")
    until(page, "[...document.querySelectorAll('.card video')].every(one => one.paused)")
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
    assert page.text_content(".card >> nth=2 >> .why") == "decode: out of memory"
    page.select_option("#sort", "seconds")
    assert shown(page)[0] == "b"
    page.select_option("#sort", "seed")
    assert shown(page) == ["c", "a", "d", "b"]


def test_chips_add_within_a_group_and_narrow_between_groups(open_page, tmp_path):
    checks = [{"check": "noise", "result": "warned", "number": 1, "limit": 0.5}, {"check": "tail", "result": "passed"}]
    degraded = [{"kind": "dtype", "asked": "x", "got": "y"}]
    records = [
        record("a", degradations=degraded, files={}),
        record("b", width=32, checks=checks, notes=["near the limit"], files={}),
        record("c", state="failed", files={}),
        record("d", state="failed", rejected=True, width=32, degradations=degraded, files={}),
    ]
    page = open_page(make_run(tmp_path, records))
    chips = "[...document.querySelectorAll('.chip')].map(one => one.textContent)"
    assert page.evaluate(chips) == [
        *("done2", "failed2", "rejected1", "picked0", "starred0", "with notes1", "dtype2", "noise1"),
        *("64\u00d7482", "32\u00d7482"),
    ]
    for text, left in {"done": "ab", "rejected": "abd", "32": "bd", "dtype": "d"}.items():
        page.click(f".chip:has-text('{text}')")
        assert "".join(shown(page)) == left
    assert page.evaluate("document.activeElement.textContent.startsWith('dtype')")  # the chip kept the focus
    assert page.text_content("#count") == "1 of 4 clips"
    page.click("#clear-filters")
    assert len(shown(page)) == 4 and page.evaluate("!document.querySelector('.chip[aria-pressed=true]')")


def test_what_was_seen_stays_in_its_place_while_filters_change(open_page, tmp_path):
    page = open_page(make_run(tmp_path, [record(f"c{n:03}", files={}, width=64 + n % 2) for n in range(300)]))
    page.evaluate("scrollTo(0, 3000)")
    place = """[...document.querySelectorAll('.card')]
        .map(card => [card.entry.clip.id, card.getBoundingClientRect().top])
        .find(([id, top]) => Number(id.slice(1)) % 2 && top > 130)"""
    until(page, f"{place} !== undefined")
    name, top = page.evaluate(place)
    page.click(".chip:has-text('65')")
    now = (
        f"[...document.querySelectorAll('.card')].find(card => card.entry.clip.id === '{name}').getBoundingClientRect()"
    )
    assert len(shown(page)) == 150 and abs(page.evaluate(f"{now}.top") - top) < 300
    page.click("#layouts button >> nth=1")
    assert abs(page.evaluate(f"{now}.top") - top) < 300


def test_many_are_picked_at_once(open_page, tmp_path):
    page = open_page(make_run(tmp_path, [record(f"c{n:02}", files={}, width=64 + n % 2) for n in range(20)]))
    picked = "[...document.querySelectorAll('.card.picked')].map(card => card.entry.clip.id)"
    page.click(".card >> nth=2", modifiers=["Control"])
    page.click(".card >> nth=5", modifiers=["Shift"])
    until(page, f"{picked}.join() === 'c02,c03,c04,c05'")
    page.keyboard.press("b")
    until(page, "location.hash === '#clip=c05&vs=c06'")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    until(page, "document.querySelector('dialog[open]') === null && document.activeElement.entry?.clip.id === 'c05'")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("P")
    until(page, f"{picked}.length === 5")
    page.click(".chip:has-text('65')")
    page.click("#pick-shown")
    until(page, "document.getElementById('picked').textContent === '13 picked'")
    page.click(".card >> nth=0 >> .star")
    page.click(".chip:has-text('starred')")
    assert shown(page) == ["c01"]


SMALL = """[...document.querySelectorAll('a, button, input, select, summary')]
    .filter(one => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && one.offsetWidth)
    .filter(one => one.offsetWidth < 44 || one.offsetHeight < 44)
    .map(one => `${one.id || one.className} ${one.offsetWidth}x${one.offsetHeight}`)"""


def test_on_a_phone_everything_fits_and_is_as_large_as_a_finger(open_page, mixed):
    page = open_page(mixed, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    assert page.is_hidden("#options")
    for at in range(2):
        page.tap(f".card >> nth={at} >> .pick")
    page.tap("#more")
    page.tap("#more-picks")
    page.tap("#charts summary")
    page.wait_for_selector("#compare-picks:visible")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("[document.documentElement.scrollWidth, innerHeight]") == [390, 844]


def test_layouts_are_equal_rows_columns_and_squares_and_are_remembered(open_page, tmp_path):
    sizes = [(64, 64), (128, 64), (64, 128), (64, 48)] * 8
    page = open_page(
        make_run(tmp_path, [record(f"c{at}", files={}, width=w, height=h) for at, (w, h) in enumerate(sizes)])
    )
    boxes = "[...document.querySelectorAll('.card')].slice(0, 24).map(card => card.getBoundingClientRect().toJSON())"
    rows: dict[int, list] = {}
    for box in page.evaluate(boxes):
        rows.setdefault(round(box["top"]), []).append(box)
    for row in list(rows.values())[:2]:
        assert max(box["bottom"] for box in row) - min(box["bottom"] for box in row) < 1.5
        assert abs(row[-1]["right"] - (1280 - 24)) < 1.5
    page.click("#layouts button >> nth=1")
    found = page.evaluate(boxes)
    assert len({round(box["width"]) for box in found}) == 1 and len({round(box["left"]) for box in found}) > 2
    page.click("#layouts button >> nth=2")
    page.keyboard.press("+")
    height = page.evaluate("document.querySelector('.media').offsetHeight")
    assert height == page.evaluate("document.querySelector('.media').offsetWidth") >= 240
    page.reload()
    page.wait_for_selector(".media")
    assert page.evaluate("document.querySelector('.media').offsetHeight") == height


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


def test_picked_drafts_are_continued_and_other_picks_rendered_again(open_page, tmp_path):
    drafted = {"state": "drafted", "draft_steps": 8, "files": {}}
    scores = [{"judge": "checks", "number": number} for number in (0.5, 2.0)]
    drafts = [record(name, **drafted, score=score) for name, score in zip("ab", scores, strict=True)]
    other_size = record("d", **drafted, prompt="prompt of b", width=32)
    run_dir = make_run(tmp_path, [*drafts, record("c", files={}), other_size])
    page = open_page(run_dir)
    assert page.text_content(".card >> nth=0 >> .state") == "preview 8/20"
    page.click(".card >> nth=0 >> button.pick")
    assert page.text_content("#what-picked") == "continue the draft to the last step"
    page.click(".card >> nth=2 >> button.pick")
    pick = page.eval_on_selector(".card >> nth=0", "card => card.entry.clip.pick")
    first, second = page.text_content("#commands").split("\n")
    assert shlex.split(first)[:4] == ["python", "-m", "vgpipe", "continue"] and first.endswith(f" 'pick=[{pick}]'")
    assert "continue" not in second and second.endswith("quality=high")
    page.select_option("#sort", "score")
    assert shown(page) == ["b", "a", "c", "d"]
    page.click(".card >> nth=0 >> button.pick")
    assert page.text_content("#commands").split("\n")[0].endswith(f" 'pick=[{pick},b]'")
    page.click(".card >> nth=0 >> button.pick")
    make_run(
        tmp_path, [record("a", files={}), drafts[1], record("c", files={}), other_size]
    )  # the first one is continued
    build(run_dir)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.text_content("#picked") == "1 picked"
    assert page.text_content("#what-picked") == "re-render this clip at quality=high"


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


def test_exports_have_a_lane_of_their_own(open_page, mixed):
    lines = [
        {"time": 10.0 + at, "event": "stage_done", "stage": stage, "seconds": 1.0} for at, stage in enumerate(LANES)
    ]
    mixed.events.write_text("\n".join(map(json.dumps, [{"time": 9.0, "event": "run_started"}, *lines])))
    page = open_page(mixed)
    page.click("#charts summary")
    chart = page.wait_for_selector("#chart-timeline canvas")
    pixels = np.asarray(Image.open(io.BytesIO(chart.screenshot())).convert("RGB"))
    rows = [np.flatnonzero((pixels == color).all(axis=2).any(axis=1)) for color in LANES.values()]
    assert rows[0][0] < rows[0][-1] < rows[1][0] < rows[1][-1]


def test_workers_have_lanes_and_their_ends_are_told(open_page, mixed):
    hostile = HOSTILE["html"]
    lines = [
        {"time": 9.0, "event": "run_started"},
        *({"time": 9.5, "event": "worker_ready", "worker": name, "device": "xpu"} for name in ("cpu-1", hostile)),
        {"time": 12.0, "event": "stage_done", "stage": "denoise", "seconds": 2.0, "worker": "cpu-1"},
        {"time": 13.0, "event": "worker_died", "worker": "cpu-1", "reason": hostile},
    ]
    mixed.events.write_text("\n".join(map(json.dumps, lines)))
    page = open_page(mixed)
    page.click("#charts summary")
    page.wait_for_selector("#chart-timeline canvas")
    told = page.inner_text("#timeline-workers")
    assert "cpu-1" in told and "0:04" in told and hostile in told and page.evaluate("window.pwned") is None
    assert "2 (xpu); 1 died" in page.inner_text("#facts") and "denoise" in page.inner_text("#timeline-legend")


def test_hostile_prompts_are_text(open_page, tmp_path):
    records = [
        record(name, prompt=text, error=text, negative_prompt=text, model=text, files={})
        for name, text in HOSTILE.items()
    ]
    page = open_page(make_run(tmp_path, [*records, record("js", files={"mp4": "javascript:window.pwned=1"})]))
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
    assert "rendering" in page.inner_text("#status")
    run_dir.append_clip(record("a", state="failed", error="denoise: no", files={}))
    run_dir.append_event("run_ended", reason="finished")
    build(run_dir, with_page=False)
    page.wait_for_selector("text=denoise: no", timeout=15_000)
    assert "1 failed" in page.inner_text("#status")


def test_two_thousand_clips_are_quick(open_page, tmp_path):
    names = [f"clip{number}" for number in range(2000)]
    files = {name: {"mp4": f"videos/{name}.mp4", "poster": f"sheets/{name}.poster.jpg"} for name in names}
    run_dir = make_run(tmp_path, [record(name, prompt="some words " * 20, files=files[name]) for name in names])
    write_video(tmp_path / "one.mp4")
    write_image(tmp_path / "one.jpg")
    (tmp_path / "sheets").mkdir()
    for name in names:
        (tmp_path / files[name]["mp4"]).unlink()
        (tmp_path / files[name]["mp4"]).hardlink_to(tmp_path / "one.mp4")
        (tmp_path / files[name]["poster"]).hardlink_to(tmp_path / "one.jpg")
    page = open_page(run_dir)
    ready_s = page.evaluate(
        "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
    )
    assert ready_s / 1000 < READY_S
    begin = time.monotonic()
    page.fill("#search", "clip1999")
    until(page, "document.querySelectorAll('.card').length === 1")
    search_s = time.monotonic() - begin
    page.fill("#search", "")
    until(page, "document.querySelectorAll('.card').length === 2000")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(page, "document.querySelector('.card:last-child video[src]')?.poster.endsWith('clip1999.poster.jpg')")
    assert page.evaluate("document.querySelectorAll('video[src]').length") < 60
    assert page.evaluate("[...document.querySelectorAll('video')].every(video => video.readyState === 0)")
    page.hover(".card:last-child .media")
    until(page, "document.querySelector('.card:last-child video').currentTime > 0")
    print(f"ready {ready_s:.0f} ms, search {search_s * 1000:.0f} ms")
