"""`python -m vgpipe report` as a user types it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

from tests.conftest import SMALL
from tests.report.runs import data_of, make_run, record
from vgpipe.report.build import run_data
from vgpipe.store.rundir import RunDir


def test_report_builds_each_page_and_says_where(vgpipe, tmp_path):
    for name in ("one", "two"):
        make_run(tmp_path / name, [record()])
    ran = vgpipe("report", "one", "two")
    assert ran.code == 0
    assert [line.replace("\\", "/") for line in ran.out.splitlines()][:2] == ["one/report.html", "two/report.html"]
    assert ran.out.splitlines()[2] == str(tmp_path / "comparison.html")
    assert (tmp_path / "two" / "report-data.js").exists()


def test_report_without_a_run_says_what_to_type(vgpipe, tmp_path):
    assert "python -m vgpipe report RUN_DIR" in vgpipe("report").err
    make_run(tmp_path / "one", [record()])
    ran = vgpipe("report", "one", "missing")
    assert ran.code == 2 and "holds no run" in ran.err
    assert not (tmp_path / "one" / "report.html").exists()
    ran = vgpipe("report", "--json", "one")
    assert ran.code == 2 and "--json" in ran.err


def test_comparison_goes_where_it_is_told(vgpipe, tmp_path):
    for name in ("one", "two"):
        make_run(tmp_path / name, [record()])
    assert vgpipe("report", "one", "two", "--out", "both.html").code == 0
    assert (tmp_path / "both.html").exists() and not (tmp_path / "comparison.html").exists()
    for wrong in (
        ("one", "--out", "x.html"),
        ("one", "two", "--out", "one/clips.jsonl"),
        ("one", "two", "--out=no/x.html"),
    ):
        ran = vgpipe("report", *wrong)
        assert ran.code == 2 and "--out" in ran.err


def test_help_tells_of_it(vgpipe):
    assert "report RUN_DIR" in vgpipe("report", "--help").out


def test_report_needs_no_model_library(tmp_path):
    make_run(tmp_path, [record()])
    check = "import sys; from vgpipe.cli import main; main(['report', sys.argv[1]]); "
    check += "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'hydra')))"
    assert subprocess.run([sys.executable, "-c", check, str(tmp_path)], check=False).returncode == 0


def test_a_run_leaves_its_page(vgpipe, tiny_wan):
    ran = vgpipe("clip.prompt='a small red circle'", f"model.id={tiny_wan}", *SMALL)
    assert ran.code == 0, ran.err
    data = data_of(RunDir(ran.root))
    assert data["timeline"]["ended"] and data["clips"][0]["files"][0]["show"] == "video"
    assert (ran.root / "report.html").exists()


def test_a_sweep_ends_with_the_page_that_compares_its_runs(render, workdir):
    ran = render("-m", "clip.prompt=a small red circle", "clip.seed=1,2")
    assert ran.code == 0, ran.err
    (page,) = workdir.rglob("comparison.html")
    assert ran.out.strip().endswith(f"compared in {page.relative_to(workdir)}")
    assert len(list(page.parent.rglob("clips.jsonl"))) == 2
    assert page.read_text().count("videos/") >= 2


def test_the_line_of_picked_drafts_renders_just_those_with_the_same_seeds(render, vgpipe, workdir, tiny_wan):
    prompts = [{"prompt": "a small red circle", "seeds": [1, 2]}, {"prompt": 'a "large", $blue square', "seed": 3}]
    (workdir / "job.yaml").write_text(json.dumps({"prompts": prompts}))
    draft = render("job=job.yaml", "quality=quick")
    data = run_data(RunDir(draft.root))
    picks = [clip["pick"] for clip in data["clips"]]
    line = data["pick_line"].replace("PICKS", ",".join(picks[1:]))
    final = vgpipe(*shlex.split(line)[3:], "checks=off")
    assert final.code == 0, final.err
    assert [(one["prompt"], one["seed"]) for one in final.records()] == [
        ("a small red circle", 2), ('a "large", $blue square', 3),
    ]  # fmt: skip
    again = vgpipe("job=job.yaml", "pick=[p00000000]", f"model.id={tiny_wan}")
    assert again.code == 2 and "no clip of the job has this pick" in again.err
    assert vgpipe("job=job.yaml", "pick=[hero]").code == 2
