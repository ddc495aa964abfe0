"""The example page, started as its users do and clicked through in a real Chromium; it reaches no other host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "examples" / "gradio_app.py"
WAIT_MS = 60_000


def test_it_is_short():
    assert len(APP.read_text().splitlines()) < 80


@pytest.fixture
def address(browser, workdir) -> Iterator[str]:
    """The page's address; the program ends with the test."""
    pytest.importorskip("gradio")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(workdir / "gradio")}
    with (workdir / "log.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "-u", APP], cwd=workdir, env=settings, stdout=log, stderr=log)
        try:
            while "Running on local URL" not in (workdir / "log.txt").read_text():
                assert process.poll() is None, (workdir / "log.txt").read_text()
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in (workdir / "log.txt").read_text()


def test_a_prompt_becomes_a_video_and_another_is_cancelled_in_the_queue(browser, address, workdir):
    page = browser.new_page(viewport={"width": 1000, "height": 1200})
    page.set_default_timeout(WAIT_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    for prompt, seed in (("a large blue square", "3"), ("a green circle", "4")):
        page.get_by_label("Prompt").fill(prompt)
        page.get_by_label("Seed").fill(seed)
        page.get_by_role("button", name="Add to the queue").click()
        page.wait_for_function("text => document.body.innerText.includes(text)", arg=prompt)
    page.get_by_role("button", name="Cancel the newest").click()
    page.wait_for_function("document.body.innerText.includes('%')")
    page.wait_for_function("document.querySelector('video')?.readyState > 1")
    page.wait_for_function("document.body.innerText.includes('the run was not started')")
    page.screenshot(path=workdir / "page.png")
    shown = " ".join(page.inner_text("body").split())
    assert "a green circle 4 shapes quick cancelled: the run was not started" in shown
    assert "a large blue square 3 shapes quick done" in shown
    assert page.evaluate("document.querySelector('video').videoWidth") == 64
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    page.close()
