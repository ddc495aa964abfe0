"""The page of all runs, as a file."""

from __future__ import annotations

import json
import re

import pytest

from tests.report.browsing import write_image
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.commands.report import main
from vgpipe.errors import UsageError
from vgpipe.report.index import index_page


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    """Two runs of their own, one of which has hostile text, and a sweep of two runs that has its comparison."""
    monkeypatch.chdir(tmp_path)
    shown = {"mp4": "videos/a.mp4", "poster": "sheets/a.poster.jpg"}
    make_run(tmp_path / "outputs" / "one" / "2026-01-31_10-00-00", [record("a", files=shown, prompt="a fox")])
    write_image(tmp_path / "outputs" / "one" / "2026-01-31_10-00-00" / "sheets" / "a.poster.jpg")
    make_run(tmp_path / "outputs" / "x #&" / "2026-01-31_11-00-00", [record("b", prompt=HOSTILE["html"])])
    for name in ("seed=1", "seed=2"):
        make_run(tmp_path / "outputs" / "two" / "2026-01-31_12-00-00-sweep" / name, [record("c")])
    return tmp_path / "outputs"


def data_of(page):
    text = re.search(r"window\.vgpipeRuns = (.*);\n", page.read_text("utf-8")).group(1)
    return json.loads(text)


def test_report_of_a_folder_lists_all_runs_below_it(outputs, capsys):
    assert main(["outputs"]) == 0
    assert capsys.readouterr().out == "outputs/index.html\n"
    runs = {run["folder"]: run for run in data_of(outputs / "index.html")["runs"]}
    assert len(runs) == 4
    own = runs["one/2026-01-31_10-00-00"]
    assert own["url"] == "one/2026-01-31_10-00-00/report.html"
    assert own["pictures"] == ["one/2026-01-31_10-00-00/sheets/a.poster.jpg"]
    assert own["prompts"] == "a fox" and own["sweep"] == ""
    assert runs["x #&/2026-01-31_11-00-00"]["url"] == "x%20%23%26/2026-01-31_11-00-00/report.html"
    assert runs["two/2026-01-31_12-00-00-sweep/seed=1"]["sweep"] == "two/2026-01-31_12-00-00-sweep"


def test_every_run_that_is_listed_has_its_page(outputs, capsys):
    kept = outputs / "one" / "2026-01-31_10-00-00" / "report.html"
    kept.write_text("of before")
    kept.with_name("report-data.js").write_text("")
    main(["outputs"])
    assert all((outputs / run["folder"] / "report.html").is_file() for run in data_of(outputs / "index.html")["runs"])
    assert kept.read_text() == "of before"


def test_a_sweep_is_compared_and_listed_with_its_comparison(outputs, capsys):
    sweep = outputs / "two" / "2026-01-31_12-00-00-sweep"
    main(["outputs"])
    assert data_of(outputs / "index.html")["comparisons"] == []
    main([str(sweep)])
    assert (sweep / "comparison.html").is_file() and not (sweep / "index.html").exists()
    main(["outputs"])
    assert data_of(outputs / "index.html")["comparisons"] == ["two/2026-01-31_12-00-00-sweep"]


def test_the_current_folder_is_called_by_its_name(outputs, monkeypatch, capsys):
    monkeypatch.chdir(outputs)
    main(["."])
    assert "<title>outputs - vgpipe" in (outputs / "index.html").read_text("utf-8")


def test_the_page_contains_no_text_of_a_job_as_html(outputs, capsys):
    main(["outputs"])
    assert HOSTILE["html"] not in (outputs / "index.html").read_text("utf-8")
    assert "connect-src" not in index_page("out", {"runs": []})
    assert "<title>&lt;b&gt;" in index_page("<b>", {"runs": []})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["outputs", "--out", "x.html"], "folder of runs"), (["nothing"], "nothing"), (["outputs", "outputs"], "outputs")],
)
def test_what_cannot_be_listed_is_refused(outputs, arguments, says):
    with pytest.raises(UsageError, match=says):
        main(arguments)
    assert not (outputs / "index.html").exists()
