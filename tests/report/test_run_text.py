from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from vgpipe.report.run_facts import Failure, Now, Rendering, RunFacts, RunState
from vgpipe.report.run_text import Listed, next_command, run_table, status_lines, status_values

AT = datetime(2026, 1, 31, 23, 5).astimezone()


def facts(name: str = "outputs/night/one", state: RunState = RunState.DONE, **changed: object) -> RunFacts:
    counts = {"done": 2, "failed": 0, "stopped": 0, "pending": 0}
    at = AT.timestamp()
    known = {"job": "night", "model": "shapes", "counts": counts, "started_at": at, "last_at": at, "seconds": 61.0}
    return RunFacts(**{"root": Path(name), "state": state, "reason": "", **known, **changed})  # type: ignore[arg-type]


def now(name: str = "", **changed: object) -> Now:
    empty = {"device": "", "stage": "", "clip": "", "loading": ""}
    numbers = dict.fromkeys(("segment", "segments", "step", "steps"))
    return Now(**{"name": name, **empty, **numbers, **changed})  # type: ignore[arg-type]


def rendering(*workers: Now, finish_at: float | None = None, ago_s: float = 0) -> Rendering:
    at = AT.timestamp() - ago_s
    return Rendering(at=at, pid=1, fraction=0.419, finish_at=finish_at, workers=workers)


def test_a_sweep_has_a_line_of_its_own_above_its_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    counts = {"done": 1, "failed": 1, "stopped": 0, "pending": 0}
    runs = [
        facts("outputs/night/2-sweep/quality=quick", RunState.FAILED, counts=counts),
        facts("outputs/night/1"),
        facts("outputs/night/2-sweep/quality=standard"),
    ]
    lines = run_table([Listed(facts=one, size_bytes=3 << 20) for one in runs], None)
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "failed 3 of 4 1 Sat 31 Jan 23:05 2:02 6.0 MiB outputs/night/2-sweep (2 runs)",
        "failed 1 of 2 1 Sat 31 Jan 23:05 1:01 3.0 MiB quality=quick",
        "done 2 Sat 31 Jan 23:05 1:01 3.0 MiB quality=standard",
        "done 2 Sat 31 Jan 23:05 1:01 3.0 MiB outputs/night/1",
    ]


def test_a_run_in_progress_tells_what_runs_and_when_it_is_done(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    one = facts(state=RunState.RENDERING, counts={"done": 2, "failed": 1, "stopped": 0, "pending": 3})
    at_step = now("cpu-1", device="cpu", stage="denoise", clip="red", step=3, steps=8, segment=2, segments=4)
    loading = now("cpu-10", stage="decode", clip="blue", loading="vae")
    failed = Failure(clip="x", error="decode: \x1b[31mbad\nline", at=AT.timestamp() - 86_400)
    told = rendering(at_step, loading, finish_at=AT.timestamp() + 600, ago_s=70)
    assert list(status_lines(one, told, [failed], AT)) == [
        "outputs/night/one  (night, shapes)",
        "  rendering   2 of 6 clips done, 1 failed, 41% of the work, in 1:01",
        "  now         cpu-1   denoise red segment 2/4 step 3/8 (last news 1:10 ago)",
        "  now         cpu-10  decode blue: loading vae (last news 1:10 ago)",
        "  done at     23:15 (in 10:00)",
        "  failed      x (Fri 30 Jan 23:05): decode: \\u001b[31mbad\\nline",
        "  next        python -m vgpipe status outputs/night/one --watch",
    ]
    assert status_values(one, told, [failed])["rendering"]["workers"][0]["step"] == 3


def test_an_interrupted_run_tells_what_it_was_at(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    one = facts("a b", RunState.INTERRUPTED, counts={"done": 0, "failed": 2, "stopped": 0, "pending": 1})
    lines = list(status_lines(one, rendering(now(stage="download", clip="vae", step=1 << 30, steps=2 << 30)), [], AT))
    assert lines[2:] == [
        "  was at      download vae 1.0 GiB of 2.0 GiB (23:05)",
        "              and 2 more in clips.jsonl",
        "  next        python -m vgpipe resume 'a b'",
    ]


@pytest.mark.parametrize(
    ("state", "command"),
    [("rendering", "status"), ("paused", "continue"), ("stopped", "resume"), ("failed", "resume"), ("done", "verify")],
)
def test_what_to_type_follows_from_the_state(state, command):
    assert next_command(facts(state=RunState(state))).startswith(f"python -m vgpipe {command} ")


def test_drafts_are_counted_and_the_next_thing_to_type_continues_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    counts = {"done": 0, "drafted": 12, "failed": 0, "stopped": 0, "pending": 0}
    one = facts(state=RunState.DRAFTED, counts=counts)
    mixed = facts("outputs/night/two", counts={**counts, "done": 2, "drafted": 10})
    lines = run_table([Listed(facts=run, size_bytes=0) for run in (one, mixed)], None)
    assert [" ".join(line.split()[:5]) for line in lines[1:]] == ["drafted 12 drafted Sat 31", "done 2 of 12, 10"]
    told = list(status_lines(one, None, [], AT))
    assert told[1] == "  drafted     0 of 12 clips done, 12 drafted, in 1:01"
    assert told[-1].startswith("  next        python -m vgpipe continue outputs/night/one all (")
    assert status_values(one, None, [])["next"] == "python -m vgpipe continue outputs/night/one all"


def test_a_run_without_news_is_starting_and_its_end_is_unknown():
    one = facts(state=RunState.RENDERING, seconds=0.0)
    assert "  now         starting" in list(status_lines(one, None, [], AT))
    assert "  done at     unknown until the first clip has a pace" in list(status_lines(one, rendering(now()), [], AT))
    assert "  because     run.until" in list(
        status_lines(facts(state=RunState.STOPPED, reason="run.until"), None, [], AT)
    )
