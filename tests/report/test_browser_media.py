"""Media on the pages, in a real Chromium: videos, moving images, frames played one by one, and rows of them."""

from __future__ import annotations

from tests.report.browsing import until, write_gif, write_image, write_video
from tests.report.runs import make_run, record
from vgpipe.report.build import build

SHOWN = "document.querySelector('.media img').getAttribute('src')"


def a_run(root, **files):
    """Returns a run of one clip with these files, all of them real."""
    for kind, path in files.items():
        if kind == "mp4":
            write_video(root / path)
        elif kind == "gif":
            write_gif(root / path)
        elif kind == "frames":
            for number in range(5):
                write_image(root / path / f"{number:06}.png", 40 * number)
        else:
            write_image(root / path)
    return make_run(root, [record("a", files=files)])


def test_a_video_plays_where_the_pointer_is(open_page, tmp_path):
    page = open_page(a_run(tmp_path, mp4="videos/a.mp4"))
    assert page.evaluate("document.querySelector('video').paused")
    page.hover(".card video")
    until(page, "document.querySelector('video').currentTime > 0.2")
    page.hover("h1")
    until(page, "document.querySelector('video').paused")


def test_a_poster_stands_where_nothing_was_opened(open_page, tmp_path):
    page = open_page(a_run(tmp_path, mp4="videos/a.mp4", poster="sheets/a.poster.jpg"))
    video = "document.querySelector('video')"
    assert page.evaluate(f"[{video}.getAttribute('poster'), {video}.preload]") == ["./sheets/a.poster.jpg", "none"]
    page.wait_for_timeout(200)
    assert page.evaluate(f"{video}.readyState") == 0
    page.hover(".card video")
    until(page, f"{video}.currentTime > 0.2")
    page.hover("h1")
    until(page, f"{video}.paused")


def test_a_damaged_poster_gives_way_to_the_first_frame(open_page, tmp_path):
    run_dir = a_run(tmp_path, mp4="videos/a.mp4", poster="sheets/a.poster.jpg")
    (tmp_path / "sheets" / "a.poster.jpg").write_bytes(b"this is no image")
    page = open_page(run_dir)
    until(page, "document.querySelector('video').readyState > 0")
    assert page.evaluate("document.querySelector('video').poster") == ""


def test_a_moving_image_moves_under_the_pointer_alone(open_page, tmp_path):
    page = open_page(a_run(tmp_path, gif="videos/a.gif", poster="sheets/a.poster.jpg", sheet="sheets/a.png"))
    assert page.evaluate(SHOWN) == "./sheets/a.poster.jpg"
    page.hover(".card .media")
    until(page, f"{SHOWN} === './videos/a.gif'")
    page.hover("h1")
    until(page, f"{SHOWN} === './sheets/a.poster.jpg'")


def test_frames_play_one_by_one(open_page, tmp_path):
    page = open_page(a_run(tmp_path, frames="frames/a", poster="sheets/a.poster.jpg"))
    fetched = []
    page.on("request", lambda request: "frames/" in request.url and fetched.append(request.url[-10:]))
    assert page.evaluate(SHOWN) == "./sheets/a.poster.jpg"
    page.wait_for_timeout(100)
    assert fetched == []
    page.hover(".card .media")
    for number in (2, 4, 0):  # and begins again
        until(page, f"{SHOWN}.endsWith('frames/a/{number:06}.png')")
    assert fetched[:4] == ["000001.png", "000002.png", "000003.png", "000004.png"]
    page.hover("h1")
    stopped = page.evaluate(SHOWN)
    page.wait_for_timeout(400)
    assert page.evaluate(SHOWN) == stopped


def test_frames_without_a_poster_begin_with_the_first(open_page, tmp_path):
    run_dir = a_run(tmp_path, frames="frames/a")
    (tmp_path / "frames" / "a" / "000002.png").write_bytes(b"this is no image")
    page = open_page(run_dir)
    assert page.evaluate(SHOWN) == "./frames/a/000000.png"
    page.keyboard.press("j")
    until(page, f"{SHOWN}.endsWith('000003.png')")  # a damaged one is passed over
    page.keyboard.press(" ")
    page.wait_for_timeout(50)
    assert page.evaluate("document.querySelector('.card').player.isPlaying()") is False


def test_a_card_shows_the_first_file_that_a_browser_can(open_page, tmp_path):
    files = {"sheet": "sheets/a.png", "gif": "videos/a.gif", "mp4": "videos/a.mp4", "poster": "sheets/a.poster.jpg"}
    page = open_page(a_run(tmp_path, **files))
    assert page.evaluate("document.querySelector('.media').firstChild.tagName") == "VIDEO"


def test_a_broken_video_says_so(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a")])
    (tmp_path / "videos" / "a.mp4").write_bytes(b"this is no video" * 100)
    page = open_page(run_dir)
    page.wait_for_selector("text=this browser cannot play it")


def test_one_clip_is_not_clips(open_page, tmp_path):
    page = open_page(make_run(tmp_path / "one", [record("a", files={}, num_frames=1, num_inference_steps=1)]))
    assert page.inner_text("#count") == "1 clip"


def test_the_contact_sheet_is_linked_once_it_is_there(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a", files={})])
    assert open_page(run_dir).is_hidden("#sheet")
    write_image(tmp_path / "contact-sheet.png")
    build(run_dir)
    assert open_page(run_dir).get_attribute("#sheet", "href") == "./contact-sheet.png"


def test_a_card_says_that_its_clip_has_sound_and_stays_silent(open_page, tmp_path):
    sound = {"sample_rate_hz": 24_000, "channels": 2, "seconds": 2.125, "peak": 0.5, "peaks": [0, 50, 100, 25]}
    for name in ("a", "b"):
        write_video(tmp_path / "videos" / f"{name}.mp4")
    page = open_page(make_run(tmp_path, [record("a", sound=sound), record("b")]))
    assert page.evaluate("[...document.querySelectorAll('.card video')].map(one => one.muted)") == [True, True]
    assert page.locator(".card >> nth=0 >> .media > .icon").count() == 1 and page.locator(".media > .icon").count() == 1
