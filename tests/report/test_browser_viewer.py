"""The viewer in a real Chromium: moving, frame steps, zoom, comparing, the address, keys and fingers."""

from __future__ import annotations

import pytest

from tests.report.browsing import until, write_gif, write_image, write_video
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.report.compare import build_comparison
from vgpipe.store.rundir import RunDir

PLACE = "document.querySelector('.v-place').textContent"
TIME = "document.querySelector('.v-time').textContent"
VIDEOS = "[...document.querySelectorAll('.v-surface video')]"
IS_OPEN = "vgpipeViewer.isOpen()"


@pytest.fixture
def run(tmp_path):
    files = {"frames": "frames/d"}
    records = [
        record("a", seed=1, prompt="one"),
        record("b", seed=2, prompt="one", num_inference_steps=30),
        record("c", state="failed", error="decode: out of memory", files={}, prompt=HOSTILE["html"]),
        record("d", files=files, fps=8.0, seed=1),
        record("e", files={"gif": "videos/e.gif", "poster": "sheets/e.poster.jpg"}, seed=1),
    ]
    for name in ("a", "b"):
        write_video(tmp_path / "videos" / f"{name}.mp4")
    for number in range(5):
        write_image(tmp_path / "frames" / "d" / f"{number:06}.png", 40 * number)
    write_gif(tmp_path / "videos" / "e.gif")
    write_image(tmp_path / "sheets" / "e.poster.jpg")
    return make_run(tmp_path, records)


def opened(open_page, run, clip="a", **options):
    page = open_page(run, **options)
    page.evaluate(f"vgpipeViewer.open('{clip}')")
    return page


def test_a_clip_opens_from_its_card_and_gives_the_focus_back(open_page, run):
    page = open_page(run)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    until(page, f"{VIDEOS}.length === 1 && !{VIDEOS}[0].paused && {VIDEOS}[0].currentTime > 0.1")
    assert page.evaluate("[document.querySelector('dialog.viewer').ariaModal, location.hash]") == ["true", "#clip=a"]
    for _ in range(40):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || document.activeElement.closest('dialog.viewer') !== null"
        assert page.evaluate(inside)
    page.evaluate("document.querySelector('.v-stage').focus()")
    for key, place in (("ArrowRight", "2 / 5"), ("ArrowRight", "3 / 5"), ("ArrowLeft", "2 / 5")):
        page.keyboard.press(key)
        assert page.evaluate(PLACE) == place
    page.keyboard.press("Escape")
    until(page, f"!{IS_OPEN} && location.hash === ''")
    assert page.evaluate("document.activeElement.entry.clip.id") == "b"
    assert page.evaluate("document.querySelectorAll('dialog video').length") == 0


@pytest.mark.parametrize(("clip", "frames"), [("a", 17), ("d", 5)])
def test_frames_are_stepped_through(open_page, run, clip, frames):
    page = opened(open_page, run, clip)
    page.keyboard.press("Home")
    until(page, f"{TIME}.startsWith('1 / {frames} ')")
    for key, at in ((".", 2), (".", 3), (",", 2), ("End", frames)):
        page.keyboard.press(key)
        until(page, f"{TIME}.startsWith('{at} / {frames} ')")
    page.keyboard.press(" ")
    until(page, f"{TIME}.startsWith('3 / {frames} ')")  # begins again


def test_a_clip_without_a_video_says_why_and_its_text_stays_text(open_page, run):
    page = opened(open_page, run, "c")
    assert page.text_content(".v-none") == "failed: no video"
    assert "out of memory" in page.text_content(".v-panel .note.bad")
    assert page.text_content(".v-prompt") == HOSTILE["html"]
    assert page.evaluate("window.pwned") is None
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.v-surface img')?.src.endsWith('e.gif')")
    until(page, "document.querySelector('.v-scrub').disabled")
    page.keyboard.press(" ")
    until(page, "document.querySelector('.v-surface img').src.endsWith('e.poster.jpg')")


def test_two_clips_play_in_step_and_are_told_apart(open_page, run):
    page = opened(open_page, run)
    page.keyboard.press("b")
    until(page, f"{VIDEOS}.length === 2 && {VIDEOS}.every((video) => !video.paused && video.currentTime > 0.2)")
    assert page.evaluate("location.hash") == "#clip=a&vs=b"
    apart = f"Math.abs({VIDEOS}[0].currentTime - {VIDEOS}[1].currentTime)"
    assert page.evaluate(apart) < 0.1
    assert page.evaluate("[...document.querySelectorAll('.v-tag')].map((tag) => tag.textContent)") == [
        "A \u00b7 seed 1 \u00b7 20 steps",
        "B \u00b7 seed 2 \u00b7 30 steps",
    ]
    assert "steps2030" in page.text_content(".v-panel table").replace("\n", "")
    page.keyboard.press(" ")
    page.keyboard.press(".")
    until(page, f"{VIDEOS}[0].currentTime === {VIDEOS}[1].currentTime")
    page.focus(".v-wipe")
    page.keyboard.press("Home")
    assert page.evaluate("document.querySelector('.v-pane').style.clipPath") == "inset(0px 100% 0px 0px)"
    page.evaluate("document.querySelector('.v-stage').focus()")
    page.keyboard.press("x")
    until(page, "location.hash === '#clip=b&vs=a'")
    page.keyboard.press("Escape")
    until(page, f"{IS_OPEN} && location.hash === '#clip=b'")


def test_a_cell_of_a_comparison_opens_beside_its_neighbour(open_page, tmp_path):
    for name, seed in (("one", 1), ("two", 2)):
        write_video(tmp_path / name / "videos" / "a.mp4")
        make_run(tmp_path / name, [record("a", prompt="p", seed=seed)]).write_config(f"clip: {{seed: {seed}}}\n")
    runs = [RunDir(tmp_path / name) for name in ("one", "two")]
    page = open_page(build_comparison(runs, tmp_path / "comparison.html"))
    page.click(".cell button.media >> nth=1")
    until(page, f"{VIDEOS}.length === 2 && location.hash.includes('vs=')")
    assert page.evaluate("[...document.querySelectorAll('.v-tag')].map((tag) => tag.textContent.slice(0, 1))") == [
        "A",
        "B",
    ]
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    until(page, f"!{IS_OPEN} && document.activeElement.matches('.cell button.media')")


def test_a_clip_that_got_its_file_is_shown_while_it_is_open(open_page, run):
    page = opened(open_page, run, "c")
    page.evaluate("""() => {
        const clip = vgpipeReport.clips.find(({ id }) => id === "c");
        const files = [{ kind: "mp4", show: "video", url: "./videos/a.mp4" }];
        Object.assign(clip, { state: "done", error: undefined, files });
        vgpipeViewer.refresh();
    }""")
    until(page, f"{VIDEOS}.length === 1 && {VIDEOS}[0].currentTime > 0.1")
    assert page.locator(".v-panel .note.bad").count() == 0


def test_the_address_opens_a_clip_and_the_way_back_closes_it(open_page, run):
    page = open_page(run)
    page.evaluate("location.hash = '#kept=1&clip=a&vs=b'")
    until(page, f"{IS_OPEN} && {VIDEOS}.length === 2")
    page.evaluate("history.back()")
    until(page, f"!{IS_OPEN}")
    page.evaluate("location.hash = '#clip=nowhere'")
    page.wait_for_timeout(100)
    assert not page.evaluate(IS_OPEN)


def test_zoom_shows_pixels_and_copies_go_to_the_clipboard(open_page, run):
    page = opened(open_page, run)
    until(page, f"{VIDEOS}[0].videoWidth > 0")
    page.keyboard.press("1")
    assert page.text_content(".v-zoomed") == "1\u00d7"
    assert page.evaluate(f"getComputedStyle({VIDEOS}[0]).imageRendering") == "pixelated"
    page.keyboard.press("0")
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -500)
    until(page, "document.querySelector('.v-surface').style.transform.includes('scale(2.2')")
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    for what, text in (("seed", "1"), ("prompt", "one"), ("file name", "a.mp4")):
        page.click(f"[aria-label='copy {what}']")
        until(page, f"window.copied === '{text}'")
    page.keyboard.press("c")
    until(page, "window.copied.startsWith('python -m vgpipe clip.prompt=')")


def test_fingers_swipe_and_pinch(open_page, run):
    size = {"width": 390, "height": 844}
    page = opened(open_page, run, viewport=size, has_touch=True, is_mobile=True)
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        fingers = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": fingers})

    touch("Start", (300, 300))
    touch("Move", (200, 305))
    touch("Move", (120, 305))
    touch("End")
    until(page, f"{PLACE} === '2 / 5'")
    until(page, f"{VIDEOS}[0]?.videoWidth > 0")
    touch("Start", (180, 300), (210, 300))
    touch("Move", (150, 300), (240, 300))
    touch("Move", (120, 300), (270, 300))
    touch("End")
    until(page, "document.querySelector('.v-surface').style.transform.includes('scale(5')")
    assert page.evaluate(PLACE) == "2 / 5"
    small = """[...document.querySelectorAll('.viewer button, .viewer select, .v-scrub')].filter((one) => {
        const { width, height } = one.getBoundingClientRect();
        return one.checkVisibility() && (width < 43.5 || height < 43.5);
    }).map((one) => one.className)"""
    assert page.evaluate(small) == []
    page.keyboard.press("0")
    touch("Start", (200, 200))
    touch("Move", (205, 330))
    touch("End")
    until(page, f"!{IS_OPEN}")
