"""Opens pages of runs in the Chromium of `tests/conftest.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from vgpipe.report.build import build


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
