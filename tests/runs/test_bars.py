from __future__ import annotations

from datetime import datetime, timedelta

from vgpipe.executor.progress_state import ProgressState
from vgpipe.runs.bars import TerminalBars

STATE = ProgressState(clips_done=1, clips=2, pieces_done=3, pieces=8, fraction=0.4, stage="denoise", clip="red-circle")


def test_bars_show_clips_stage_steps_and_time_left(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with TerminalBars() as bars:
        for step in range(9):
            at = datetime.now().astimezone() + timedelta(seconds=3)
            bars(ProgressState(**{**_values(STATE), "step": step, "steps": 8, "eta_s": 3.0, "finish_at": at}))
    shown = capsys.readouterr().err
    assert "denoise red-circle 0/8 steps" in shown and "denoise red-circle 8/8 steps" in shown
    assert "1/2 clips  40%" in shown and f" at {at:%H:%M}" in shown and "100%" not in shown


def test_no_line_is_wider_than_the_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    name = "a-small-red-triangle-moving-left-slowly-on-a-white-background-d59068fa"
    shapes = [
        {"step": 3, "steps": 50},
        {"loading": "transformer"},
        {},
        {"segment": 2, "segments": 12, "step": 3, "steps": 50},
    ]
    for width in (60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        bars = TerminalBars()
        for shape in shapes:
            state = ProgressState(**{**_values(STATE), "clip": name, **shape})
            line = bars._now_line(state, width)
            assert len(line.replace("{bar}", "")) < width, line


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys):
    with TerminalBars() as bars:
        bars(STATE)
    assert capsys.readouterr() == ("", "")


def _values(state: ProgressState) -> dict[str, object]:
    return {name: getattr(state, name) for name in ProgressState.__slots__}
