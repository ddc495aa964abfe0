"""The page's files: whole, escaped, and never surprised by what a record holds."""

from __future__ import annotations

import json
import os
import re
import time
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest

from tests.report.runs import HOSTILE, data_of, make_run, record
from vgpipe.errors import StoreError, UsageError
from vgpipe.report.build import SCRIPTS, build, gallery_page, run_data
from vgpipe.report.page import BASE, asset
from vgpipe.report.run_history import STATES
from vgpipe.store.rundir import RunDir


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.scripts: list[str] = []
        self.policy = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._inside = tag == "script"
        if tag == "meta" and ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        if self._inside:
            self.scripts.append(data)

    def handle_endtag(self, tag):
        self._inside = False


def test_page_and_data_lie_in_the_run(tmp_path):
    run_dir = make_run(tmp_path, [record("a"), record("b", state="failed", error="decode: no memory", files={})])
    assert build(run_dir) == tmp_path / "report.html"
    data = data_of(run_dir)
    assert [clip["state"] for clip in data["clips"]] == ["done", "failed"]
    assert data["clips"][0]["files"] == [{"kind": "mp4", "show": "video", "url": "./videos/a.mp4"}]
    assert data["clips"][1]["error"] == "decode: no memory"
    assert data["timeline"]["ended"] and data["timeline"]["bars"][0][2] == 1.0


def test_a_draft_is_a_preview_with_a_command_that_continues_it(tmp_path):
    score = {"judge": "checks", "number": 0.25}
    drafted = {"state": "drafted", "draft_steps": 8, "files": {"mp4": "previews/a.mp4"}, "score": score}
    run_dir = make_run(tmp_path, [record("a", **drafted), record("b")])
    (tmp_path / "previews").mkdir()
    for name in ("a", "b"):
        (tmp_path / "previews" / f"{name}.mp4").touch()
    data = run_data(run_dir)
    draft, finished = data["clips"]
    assert (draft["state"], draft["draft_steps"], draft["score"]) == ("drafted", 8, score)
    assert draft["files"][0]["url"] == "./previews/a.mp4" and "preview" not in draft
    assert finished["files"][0]["url"] == "./videos/b.mp4" and finished["preview"] == "./previews/b.mp4"
    assert data["continue_line"] == f"python -m vgpipe continue {tmp_path} 'pick=[PICKS]'"
    assert run_data(make_run(tmp_path / "other", [record("b")]))["continue_line"] is None


def test_page_has_no_address_outside_itself(tmp_path):
    text = gallery_page("run")
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", text.split("<script>")[0])
    assert loaded == ["data:,"]
    assert not re.findall(r"@import|url\(", text)


def test_the_page_opens_clips_in_the_viewer():
    """The page gives the viewer its clips, and has it before it does."""
    text = gallery_page("run")
    assert text.index("window.vgpipeViewer = {") < text.index("viewer.init({")
    assert asset("templates/viewer/viewer.css") in text


def test_policy_lets_only_the_pages_own_scripts_run():
    text = gallery_page("run")
    tags = Tags(text)
    assert "default-src 'none'" in tags.policy
    assert "unsafe" not in tags.policy and "http" not in tags.policy
    assert len(tags.scripts) == tags.policy.partition("style-src")[0].count("sha256-") == len(SCRIPTS)


def test_scripts_can_stand_in_a_page():
    folders = resources.files("vgpipe.report").joinpath("templates").iterdir()
    names = [f"{folder.name}/{script.name}" for folder in folders for script in folder.iterdir()]
    for name in (name for name in names if name.endswith(".js")):
        assert not re.search(
            r"</script|<!--|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", asset(f"templates/{name}")
        )


THEMES = ("light", "dark")
AA = 4.5
"""The least contrast of text, by WCAG 2.2."""
BEHIND = ("page", "card", "sunk", "raised")
ON_STATES = {"light": "#ffffff", "dark": "#0d1014"}


def colors_of(theme: str) -> dict[str, str]:
    """Returns the colours of a theme by their names in the styles, each as #rrggbb."""
    block = asset(BASE).split(":root")[THEMES.index(theme) + 1].partition("}")[0]
    found = re.findall(r"--([a-z-]+): (#[0-9a-f]{6}|#[0-9a-f]{3});", block)
    return {
        name: value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:]) for name, value in found
    }


def contrast(first: str, second: str) -> float:
    """Returns the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_what_is_behind_it(theme):
    colors = colors_of(theme)
    pairs = [(text, behind) for text in ("ink", "soft", "accent") for behind in BEHIND]
    pairs += [("page", "accent"), ("bad", "bad-sunk"), ("warn", "warn-sunk"), ("bad", "page"), ("warn", "page")]
    assert [pair for pair in pairs if contrast(colors[pair[0]], colors[pair[1]]) < AA] == []
    states = (*STATES, "unknown")
    assert min(contrast(ON_STATES[theme], colors[one]) for one in states) >= AA


def test_title_is_escaped(tmp_path):
    root = tmp_path / "<img src=x onerror=alert(1)>"
    run_dir = make_run(root, [record()])
    text = build(run_dir).read_text("utf-8")
    assert "<img src=x" not in text and "&lt;img src=x" in text


def test_the_job_names_the_page(tmp_path):
    run_dir = make_run(tmp_path / "2026-01-31_23-05-00", [record()])
    run_dir.append_event("run_started", clips=1, job="Night <b>shift</b>")
    text = build(run_dir).read_text("utf-8")
    assert "Night &lt;b&gt;shift&lt;/b&gt;, 2026-01-31_23-05-00" in text and "<b>shift" not in text


def test_the_notes_of_the_start_are_on_the_page(tmp_path):
    run_dir = make_run(tmp_path, [record()])
    run_dir.append_event("run_started", clips=1, notes=["a.csv:1: <b>", 3])
    run_dir.append_event("run_started", clips=1)
    assert run_data(run_dir)["notes"] == ["a.csv:1: <b>"]


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE)
def test_hostile_prompts_are_data(tmp_path, prompt):
    run_dir = make_run(tmp_path, [record("a", prompt=prompt, error=prompt, model=prompt, negative_prompt=prompt)])
    build(run_dir)
    raw = run_dir.report_data.read_bytes()
    assert raw.isascii() and b"<" not in raw and raw.count(b"\n") == 1
    assert data_of(run_dir)["clips"][0]["prompt"] == prompt
    assert prompt[:20] not in run_dir.report.read_text("utf-8")


PATHS = [
    "../../etc/passwd", "/etc/passwd", "javascript:alert(1)", "videos/../../x.mp4", "C:\\x.mp4", "videos\\a.mp4",
    "https://example.org/x.mp4", "//example.org/x.mp4", "data:text/html,x", "", ".", "videos", "missing.mp4", "\x00",
    "x" * 5000, "link.mp4", "out/secret.mp4", 7, None, ["videos/a.mp4"], {"a": 1}, True,
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:30])
def test_paths_outside_the_run_are_not_linked(tmp_path, path):
    (tmp_path / "secret.mp4").touch()
    (tmp_path / "run").mkdir()
    os.symlink(tmp_path / "secret.mp4", tmp_path / "run" / "link.mp4")
    os.symlink(tmp_path, tmp_path / "run" / "out")
    run_dir = make_run(tmp_path / "run", [record("a", files={"mp4": path})])
    build(run_dir)
    assert "files" not in data_of(run_dir)["clips"][0]


def test_names_are_quoted_in_addresses(tmp_path):
    name = "a b#c?d%20'\"<x>.mp4"
    run_dir = make_run(tmp_path, [record("a", files={"mp4": f"videos/{name}"})])
    (tmp_path / "videos" / name).touch()
    build(run_dir)
    assert data_of(run_dir)["clips"][0]["files"][0]["url"] == "./videos/a%20b%23c%3Fd%2520%27%22%3Cx%3E.mp4"


WRONG = [
    None,
    7,
    -1.5,
    float("nan"),
    float("inf"),
    10**30,
    "text",
    "",
    [],
    [1, None, {"a": []}],
    {},
    {"x": {"y": 1}},
    True,
]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_any_key_may_be_of_any_type(tmp_path, value):
    one = record("a")
    records = [{**one, "clip": key, key: value} for key in (*one, "shots", "continuation", "image") if key != "clip"]
    run_dir = make_run(tmp_path, [*records, {"clip": "bare"}, {"clip": "more", "unknown": value}])
    build(run_dir)
    assert len(data_of(run_dir)["clips"]) == len(records) + 2


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_plan_config_and_events_may_hold_anything(tmp_path, value):
    run_dir = make_run(tmp_path, [record()])
    keys = ("measured", "tier", "strategies", "dtype")
    run_dir.write_plan({key: value for key in keys} | {"measured": [value, {"predicted": value, "measured": value}]})
    run_dir.write_config(json.dumps({"model": value, "exporter": value, "job": value}))
    for key in ("time", "event", "stage", "seconds", "reason"):
        line = {"time": 1.0, "event": "stage_done", "stage": "x", "seconds": 1, key: value}
        with run_dir.events.open("a") as file:
            file.write(json.dumps(line) + "\n")
    build(run_dir)
    assert data_of(run_dir)["clips"]


def test_torn_and_deep_lines_are_skipped(tmp_path):
    run_dir = make_run(tmp_path, [record("a")])
    with run_dir.clips.open("ab") as file:
        file.write(b"[" * 100_000 + b"\n" + b'"text"\n\xff\xfe\n{"clip": 3}\n{"clip": "b", "sta')
    with run_dir.events.open("ab") as file:
        file.write(b'\n{"time": 1, "eve')
    build(run_dir)
    assert [clip["id"] for clip in data_of(run_dir)["clips"]] == ["a"]


def test_each_state_is_told(tmp_path):
    states = ["pending", "done", "failed", "stopped", "sideways"]
    run_dir = make_run(tmp_path, [record(state, state=state) for state in states], has_ended=False)
    data = run_data(run_dir)
    assert [clip["state"] for clip in data["clips"]] == [*states[:4], "unknown"]
    assert data["timeline"]["ended"] is None


def test_a_resumed_run_goes_on(tmp_path):
    run_dir = make_run(tmp_path, [record()])
    run_dir.append_event("run_started", clips=1)
    assert run_data(run_dir)["timeline"]["ended"] is None


def test_degradations_segments_and_stand_ins_are_told(tmp_path):
    changes = {
        "degradations": [{"kind": "dtype", "asked": "a", "got": "b", "reason": "c", "stage": "decode"}],
        "segments": [{"shot": 0, "seed": 2**62, "delivered": [0, 17], "num_frames": 17, "seconds": {"denoise": 1}}],
        "shots": [{"prompt": "one", "num_frames": 17, "cut": True}],
        "made": {"model": "other", "width": 32},
        "seed": 2**64 - 1,
    }
    clip = run_data(make_run(tmp_path, [record(**changes)]))["clips"][0]
    assert clip["degradations"] == ["dtype: b instead of a, decode only (c)"] and clip["degraded"] == ["dtype"]
    assert clip["segments"][0]["seed"] == str(2**62) and clip["seed"] == str(2**64 - 1)
    assert clip["shots"][0]["cut"] and clip["made"]["model"] == "other"


def test_the_checks_that_a_clip_did_not_pass_are_named_once(tmp_path):
    results = [("noise", "warned"), ("tail", "passed"), ("seams", "failed"), ("noise", "failed"), (7, "failed")]
    checks = [{"check": check, "result": result} for check, result in results]
    clip = run_data(make_run(tmp_path, [record(checks=[*checks, None, "noise"])]))["clips"][0]
    assert clip["failed_checks"] == ["noise", "seams"] and "degraded" not in clip


def test_what_cannot_be_written_leaves_the_old_page_whole(tmp_path, monkeypatch):
    run_dir = make_run(tmp_path, [record()])
    build(run_dir)
    before = {path: path.read_bytes() for path in (run_dir.report, run_dir.report_data)}
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(StoreError, match="disk full"):
        build(run_dir)
    assert before == {path: path.read_bytes() for path in before}
    assert not list(tmp_path.glob(".tmp-*"))


def test_no_run_is_no_page(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        build(RunDir(tmp_path))
    assert not list(tmp_path.iterdir())


def test_two_thousand_clips_take_less_than_two_seconds_of_one_core(tmp_path):
    run_dir = make_run(tmp_path, [record(f"clip{number}", prompt="word " * 40) for number in range(2000)])
    start = time.process_time()
    build(run_dir)
    assert time.process_time() - start < 2
    assert len(data_of(run_dir)["clips"]) == 2000


def test_vendored_files_have_their_licence():
    folder = Path(__file__).parents[2] / "vgpipe" / "report" / "vendor"
    assert "MIT License" in (folder / "uPlot.LICENSE.txt").read_text()
    assert "uPlot" in (folder / "uPlot.iife.min.js").read_text()[:200]


def test_a_run_without_a_process_is_as_old_as_its_last_news(tmp_path):
    run_dir = make_run(tmp_path, [record("a", state="pending")], has_ended=False)
    run_dir.write_progress({"time": 5.0, "stage": "denoise", "step": 3, "steps": 20})
    for path in (run_dir.clips, run_dir.events, run_dir.progress):
        os.utime(path, (1.7e9, 1.7e9))
    data = run_data(run_dir)
    assert data["written"] == 1.7e9 and data["live"]["workers"] == [{"stage": "denoise", "step": 3, "steps": 20}]
    assert data["resume_line"] == f"python -m vgpipe resume {tmp_path}"
    with run_dir:
        assert run_data(run_dir)["written"] > 1.7e9
