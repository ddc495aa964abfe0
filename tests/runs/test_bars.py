from __future__ import annotations

from datetime import datetime, timedelta

from vgpipe.executor.progress_state import ProgressState, WorkerNow
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


def test_each_worker_has_a_line_while_it_is_there(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    workers = [WorkerNow(name=f"cpu-{number}", stage="denoise", clip="fox", step=number, steps=8) for number in (1, 2)]
    with TerminalBars() as bars:
        for count in (0, 2, 1):
            bars(ProgressState(**{**_values(STATE), "workers": tuple(workers[:count])}))
        assert len(bars._lines) == 1
    shown = capsys.readouterr().err
    assert "  cpu-1 denoise fox 1/8 steps|" in shown and "  cpu-2 denoise fox 2/8 steps|" in shown


def test_more_workers_than_lines_are_counted(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("LINES", "12")
    monkeypatch.setenv("COLUMNS", "80")
    workers = tuple(WorkerNow(name=f"cuda:{number}", stage="decode", clip="fox") for number in range(16))
    with TerminalBars() as bars:
        bars(ProgressState(**{**_values(STATE), "workers": workers}))
    shown = capsys.readouterr().err
    assert "cuda:5 decode" in shown and "cuda:6" not in shown and "... and 10 more" in shown


def test_nothing_is_drawn_where_stderr_is_no_terminal(capsys):
    with TerminalBars() as bars:
        bars(STATE)
    assert capsys.readouterr() == ("", "")


def _values(state: ProgressState) -> dict[str, object]:
    return {name: getattr(state, name) for name in ProgressState.__slots__}


def test_a_notebook_keeps_no_text_of_before_behind_a_bar(capsys):
    from tqdm import tqdm

    with TerminalBars(tqdm) as bars:  # tqdm.notebook sets what stands behind a bar only where that is not empty
        bars(ProgressState(**{**_values(STATE), "step": 3, "steps": 8}))
        assert bars._lines[0].bar_format.endswith("|{bar}| ")
