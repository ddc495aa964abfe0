"""Results are read from a run's directory: whatever is in it."""

from __future__ import annotations

import pickle

import pytest

import vgpipe
from tests.report.runs import HOSTILE, make_run, record
from vgpipe.errors import UsageError


def test_a_run_is_read_from_anywhere_as_it_was_returned(made, monkeypatch, tmp_path):
    monkeypatch.chdir(made.root.parent)
    assert vgpipe.read_run(made.root.name) == made and pickle.loads(pickle.dumps(made)) == made
    assert repr(made) == f"<Run '{made.root}': 2 done>"
    assert set(made.clips[0].seconds) >= {"denoise", "export"} and made.clips[0].files["mp4"].suffix == ".mp4"
    with pytest.raises(UsageError, match="holds no run"):
        vgpipe.read_run(tmp_path)


def test_states_give_the_exit_code_of_the_command(tmp_path):
    runs = {}
    cases = {
        "failed": ["done", "failed"],
        "left": ["failed", "pending"],
        "done": ["done"],
        "drafted": ["done", "drafted"],
    }
    more = {"drafted": {"draft_steps": 8, "score": {"judge": "checks", "number": 0.5}}}
    for name, states in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        make_run(
            folder, [record(str(at), state=state, error="no", **more.get(state, {})) for at, state in enumerate(states)]
        )
        runs[name] = vgpipe.read_run(folder)
    assert {name: run.exit_code for name, run in runs.items()} == {"failed": 1, "left": 3, "done": 0, "drafted": 0}
    (draft,) = runs["drafted"].drafts
    assert (draft.draft_steps, draft.score, draft.ok, draft.to_dict()["score"]) == (8, 0.5, False, 0.5)
    assert runs["drafted"].ok and runs["drafted"].summary == "1 done, 1 drafted"
    assert runs["left"].resume_command == f"python -m vgpipe resume {tmp_path / 'left'}"
    assert runs["failed"].summary == "1 done, 1 failed" and runs["done"].resume_command is None


def test_records_of_strangers_lead_nowhere(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    link = tmp_path / "run" / "link.mp4"
    link.symlink_to(tmp_path / "secret.mp4")
    files = {
        "a": "../secret.mp4",
        "b": "/etc/passwd",
        "c": "link.mp4",
        "d": 3,
        "f": "a/../../x",
        "g": "C:x",
        "e": "videos/x.mp4",
    }
    make_run(tmp_path / "run", [record("x", files={}), record("y", seconds=[], measures="no", degradations=[1])])
    with (tmp_path / "run" / "clips.jsonl").open("a") as lines:
        lines.write(__import__("json").dumps({"clip": "x", "state": "??", "files": files}) + "\n")
    clip, other = vgpipe.read_run(tmp_path / "run").clips
    assert (
        list(clip.files) == ["c", "e"]
        and "base64" not in clip._repr_html_()
        and clip.state == "pending"
        and clip.settings == {}
    )
    assert other.seconds == {} and other.measures == {} and len(other.degradations) == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_texts_of_jobs_are_escaped(text):
    clip = vgpipe.ClipResult(id="a", state="failed", prompt=text, error=text, settings={"width": text, "height": 1})
    page = clip._repr_html_()
    assert "<script" not in page and "<img" not in page and 'onerror="' not in page.replace("&quot;", "")
