"""The comparison page in a real Chromium."""

from __future__ import annotations

from itertools import product

from tests.report.browsing import until, write_image, write_video
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.report.compare import build_comparison

FILES = {"mp4": "videos/a.mp4", "poster": "sheets/a.poster.jpg"}
SHOWN = "[...document.querySelectorAll('.rowhead ~ .cells img')].map(one => one.getAttribute('src'))"
HEADS = "[...document.querySelectorAll('#names strong')].map(one => one.textContent)"


def swept(tmp_path, **axes):
    """Returns the page of a sweep with a clip of one prompt for each combination."""
    runs = []
    for values in product(*axes.values()):
        words = ",".join(f"{key.replace('_', '.', 1)}={value}" for key, value in zip(axes, values, strict=True))
        seconds = {"denoise": 1.0 + len(runs)}
        clip = record("a", files={"still": "a.png"}, seconds=seconds, measures={"motion": len(runs) / 2})
        runs.append(make_run(tmp_path / "x-sweep" / words, [clip]))
        write_image(runs[-1].root / "a.png")
    return build_comparison(runs, tmp_path / "x-sweep" / "comparison.html")


def test_videos_of_a_row_play_together(open_page, tmp_path):
    runs = [make_run(tmp_path / name, [record("a", prompt=HOSTILE["html"])]) for name in ("one", "two <b>")]
    for run_dir in runs:
        write_video(run_dir.root / "videos" / "a.mp4")
    page = open_page(build_comparison(runs, tmp_path / "comparison.html"))
    until(page, "document.querySelectorAll('video').length == 2")
    page.click("#rows .rowhead button")
    until(page, "[...document.querySelectorAll('video')].every(video => video.currentTime > 0.5)")
    first, second = page.evaluate("[...document.querySelectorAll('video')].map(video => video.currentTime)")
    assert abs(first - second) < 0.2
    until(page, "document.querySelector('video').currentTime < 0.4")  # begins again
    page.click("#rows .rowhead button")
    until(page, "[...document.querySelectorAll('video')].every(video => video.paused)")
    assert page.text_content("#rows .prompt") == HOSTILE["html"] and page.evaluate("window.pwned") is None
    assert page.evaluate(HEADS) == ["one", "two <b>"]


def test_a_row_shows_posters_until_it_plays(open_page, tmp_path):
    runs = [make_run(tmp_path / name, [record("a", files=FILES)]) for name in ("one", "two")]
    for run_dir in runs:
        write_video(run_dir.root / FILES["mp4"])
        write_image(run_dir.root / FILES["poster"])
    (runs[1].root / FILES["poster"]).write_bytes(b"no image")
    page = open_page(build_comparison(runs, tmp_path / "comparison.html"))
    until(page, "document.querySelectorAll('video').length == 1")  # of the damaged poster
    page.click("#rows .rowhead button")
    until(page, "[...document.querySelectorAll('video')].filter(video => video.currentTime > 0.2).length == 2")
    assert page.evaluate("document.querySelectorAll('.cell img').length") == 0


def test_each_setting_is_in_columns_in_rows_or_a_tab_and_the_address_keeps_it(open_page, tmp_path):
    path = swept(tmp_path, quality=("quick", "high"), clip_seed=(0, 1, 2), clip_fps=(8, 16))
    page = open_page(path)
    until(page, f"{SHOWN}.length == 12")  # one prompt: the seeds are below it
    assert page.evaluate(HEADS) == ["quick", "high", "8", "16", "8", "16"]
    assert page.evaluate("document.querySelectorAll('.cell .none').length") == 0
    page.select_option("select[aria-label='where seed is shown']", "tabs")
    page.select_option("select[aria-label='where quality is shown']", "tabs")
    page.click(".tab:has-text('high')")
    assert all("quality%3Dhigh" in url for url in page.evaluate(SHOWN))
    page.select_option("select[aria-label='where fps is shown']", "rows")
    assert page.evaluate("[...document.querySelectorAll('.line')].map(one => one.textContent)") == ["fps 8", "fps 16"]
    address = page.evaluate("location.hash")
    assert "at.quality=high" in address and "rows=clip.fps" in address
    before = page.evaluate(SHOWN)
    page.goto(f"{path.as_uri()}{address}&clip=0:a")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    until(page, f"{SHOWN}.length == {len(before)}")
    assert page.evaluate(SHOWN) == before


def test_heads_have_the_figures_of_their_runs_shaded_by_size(open_page, tmp_path):
    page = open_page(swept(tmp_path, quality=("quick", "high"), clip_seed=(0, 1)))
    figures = page.evaluate("[...document.querySelectorAll('#numbers .figure')].map(row => row.innerText.split('\\n'))")
    assert ["time, s", "1", "2", "3", "4"] in figures and ["motion", "0", "0.5", "1", "1.5"] in figures
    heat = page.evaluate(
        "[...document.querySelectorAll('#numbers .heat')].map(one => Number(one.style.getPropertyValue('--heat')))"
    )
    assert heat[:4] == sorted(heat[:4]) and heat[0] == 0 < heat[3]
    page.select_option("select[aria-label='where seed is shown']", "tabs")
    assert "time, s\n1\n3" in page.inner_text("#numbers")
    page.click("#figures")
    assert page.is_hidden("#numbers")


def test_a_point_of_the_chart_shows_its_run(open_page, tmp_path):
    page = open_page(swept(tmp_path, quality=("quick", "high"), clip_seed=(0, 1)))
    page.select_option("select[aria-label='where seed is shown']", "tabs")
    until(page, "document.querySelectorAll('.point').length == 4")
    page.focus(".point[aria-label*='quality high, seed 1']")
    assert page.inner_text("#point") == "quality high, seed 1: 4 s, motion 1.5"
    page.keyboard.press("Enter")
    assert page.get_attribute(".tab:has-text('1')", "aria-pressed") == "true"
    assert "None is a learned measure of quality" in page.inner_text("#not-judged")


def test_a_click_compares_a_clip_with_its_neighbour(open_page, tmp_path):
    page = open_page(swept(tmp_path, quality=("quick", "high")))
    until(page, f"{SHOWN}.length == 2")
    page.click(".cell:last-child .media")
    until(page, "window.vgpipeViewer.isOpen()")
    assert page.evaluate("location.hash") == "#clip=0%3Aa&vs=1%3Aa"
    said = page.inner_text("dialog[open]")
    assert "quality quick" in said and "quality high" in said
    page.keyboard.press("Escape")  # ends comparing
    page.keyboard.press("Escape")
    until(page, "!window.vgpipeViewer.isOpen()")
    assert page.evaluate("document.activeElement.matches('.cell .media')")


def test_a_line_of_the_table_leads_to_its_run_and_can_be_sorted(open_page, tmp_path):
    page = open_page(swept(tmp_path, quality=("quick", "high"), clip_seed=(0, 1)))
    names = "[...document.querySelectorAll('table.runs tbody tr')].map(one => one.innerText.split('\\t').slice(0, 2))"
    assert page.evaluate(names) == [["quick", "0"], ["quick", "1"], ["high", "0"], ["high", "1"]]
    for direction in ("ascending", "descending"):
        page.click("table.runs button:has-text('time')")
        assert page.get_attribute("table.runs th:has-text('time')", "aria-sort") == direction
    assert page.evaluate(names)[0] == ["high", "1"]


def test_clips_that_are_not_done_say_why(open_page, tmp_path):
    failed = record("a", state="failed", error="out of memory <b>", files={}, seconds={})
    runs = [make_run(tmp_path / name, [clip]) for name, clip in (("one", failed), ("two", record("a", files={})))]
    page = open_page(build_comparison(runs, tmp_path / "comparison.html"))
    page.wait_for_selector(".cell .bad")
    assert page.inner_text(".cell .state") == "failed" and page.inner_text(".cell .bad") == "out of memory <b>"
    assert (
        page.is_hidden("#without")
        and "1 of 2 clips done" in page.inner_text("#status")
        and "2 runs" in page.inner_text("#status")
    )
