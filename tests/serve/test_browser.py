"""The page of all runs in a real Chromium, at the size of a phone."""

from __future__ import annotations

import time

import pytest

from tests.report.browsing import until, write_image, write_video
from tests.report.runs import HOSTILE, make_run, record
from tests.serve.conftest import served
from vgpipe.serve import gallery

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def phone(browser):
    """A page; in the end there must have been no complaint in its console."""
    complaints: list[str] = []
    context = browser.new_context(**PHONE)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def opened(page, visitor):
    page.goto(visitor.server.address)
    page.wait_for_selector("html[data-ready]")


def test_a_run_is_found_and_its_video_plays_and_seeks(phone, tmp_path):
    for name, job in {"one": "a night of foxes", "two": HOSTILE["html"]}.items():
        run_dir = make_run(tmp_path / name, [record("a", files={"mp4": "videos/a.mp4", "poster": "sheets/a.jpg"})])
        run_dir.append_event("run_started", clips=1, job=job)
        run_dir.append_event("run_ended", reason="finished", done=1)
        write_video(tmp_path / name / "videos" / "a.mp4")
        write_image(tmp_path / name / "sheets" / "a.jpg")
    with served(tmp_path) as visitor:
        opened(phone, visitor)
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        assert HOSTILE["html"] in phone.eval_on_selector_all("h3", "all => all.map(one => one.textContent)")
        until(phone, "document.querySelector('.pictures img').naturalWidth > 0")
        phone.fill("#search", "FOXES night")
        assert phone.locator(".run").count() == 1
        phone.tap(".run h3")
        phone.wait_for_selector("html[data-ready] #home")
        phone.tap(".card .media")
        video = "document.querySelector('dialog[open] video')"
        until(phone, f"{video} !== null && {video}.currentTime > 0.1")
        phone.evaluate(f"{video}.pause(), {video}.currentTime = 1.5")
        until(phone, f"{video}.currentTime === 1.5 && !{video}.seeking")
        phone.keyboard.press("Escape")
        until(phone, "document.querySelector('dialog[open]') === null")
        phone.tap("#home")
        phone.wait_for_selector(".run")
        assert phone.evaluate("window.pwned") is None


def test_the_page_follows_a_run(phone, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "REFRESH_S", 0.0)
    run_dir = make_run(tmp_path / "run", [record("a", state="pending"), record("b", state="pending")], has_ended=False)
    with served(tmp_path) as visitor:
        with run_dir:
            run_dir.write_progress({"time": time.time(), "fraction": 0.5, "stage": "denoise", "step": 3, "steps": 9})
            opened(phone, visitor)
            assert phone.text_content(".badge") == "rendering" and "denoise 3/9" in phone.text_content(".run")
            run_dir.append_clip(record("a"))
            until(phone, "document.querySelector('.run').textContent.includes('1 done')")
        until(phone, "document.querySelector('.badge').textContent === 'interrupted'")
        assert "python -m vgpipe resume outputs/run" in phone.text_content(".run pre")


def test_the_token_is_asked_for_once(browser, tmp_path):
    make_run(tmp_path / "run", [record()])
    context = browser.new_context(**PHONE)
    page = context.new_page()
    with served(tmp_path, "a token of many characters") as visitor:
        page.goto(visitor.server.address)
        page.fill("input", "a token of many characters")
        page.tap("button")
        page.wait_for_selector(".run")
        assert page.url == visitor.server.address  # the token is no longer in it
        page.reload()
        page.wait_for_selector(".run")
    context.close()
