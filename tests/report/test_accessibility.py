"""axe-core finds nothing on any page, in either theme, on a desktop and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browsing import write_image
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.report.build import build
from vgpipe.report.compare import build_comparison
from vgpipe.report.index import write_index

WIDTHS = (1280, 390)
OPEN = "window.vgpipeViewer.open(window.vgpipeGallery.shown()[0].id)"
COMPARE = "window.vgpipeViewer.open('a', {against: 'b'})"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Returns page -> its file: a run in every state, a sweep of two, and all runs."""
    outputs = tmp_path_factory.mktemp("pages")
    shown = {"poster": "sheets/a.poster.jpg"}
    states = ["failed", "stopped", "pending", "drafted"]
    others = [record(state, state=state, error="why", prompt=HOSTILE["quotes"]) for state in states]
    run = make_run(outputs / "job" / "one", [record("a", files=shown), record("b", files=shown), *others])
    sweep = [make_run(outputs / "job" / "x-sweep" / name, [record("a", files=shown)]) for name in ("seed=1", "seed=2")]
    for one in (run, *sweep):
        write_image(one.root / "sheets" / "a.poster.jpg")
    return {
        "gallery": build(run),
        "comparison": build_comparison(sweep, outputs / "job" / "x-sweep" / "comparison.html"),
        "index": write_index(outputs, "outputs"),
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "script"),
    [("gallery", ""), ("gallery", OPEN), ("gallery", COMPARE), ("comparison", ""), ("index", "")],
    ids=["gallery", "viewer", "compared", "comparison", "index"],
)
def test_axe_finds_nothing(browser, pages, name, script, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=theme, bypass_csp=True)
        page.goto(pages[name].as_uri())
        page.wait_for_selector("html[data-ready]")
        if script:
            page.evaluate(script)
            page.wait_for_selector("dialog[open]")
        page.wait_for_timeout(300)  # fades
        found = axe.run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []
        page.close()
