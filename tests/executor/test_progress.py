from __future__ import annotations

import logging

import pytest

from vgpipe.executor.progress import Eta, Progress, clock


def test_no_estimate_before_every_stage_was_measured():
    eta = Eta()
    eta.add("denoise", 10.0)
    assert eta.remaining_s({"denoise": 2, "decode": 1}) is None
    eta.add("decode", 1.0)
    eta.add("denoise", 20.0)
    assert eta.remaining_s({"denoise": 2, "decode": 1, "encode": 0}) == 31.0


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_plain_lines_tell_stage_clip_seconds_and_time_left(caplog):
    caplog.set_level(logging.INFO, logger="vgpipe")
    progress = Progress({"encode": 0, "denoise": 2, "decode": 0, "export": 0}, clips=2, done=0, show_bars=False)
    progress.advance("denoise", 3.0, "red-circle")
    assert "denoise red-circle 3.00 s (ETA 0:03)" in caplog.text
    progress.close()


def test_a_stand_in_counts_as_what_it_stands_for():
    progress = Progress({"encode": 0, "denoise": 3, "decode": 0, "export": 0}, clips=2, done=0, show_bars=False)
    progress.advance("denoise", 1.0, "canary", typical_s=10.0)
    assert progress.eta.mean_s("denoise") == 10.0
    progress.close()


def test_bars_show_clips_stage_steps_and_time_left(capsys):
    progress = Progress({"encode": 0, "denoise": 2, "decode": 0, "export": 0}, clips=2, done=1, show_bars=True)
    progress.step("red-circle", 3, 8)
    progress.advance("denoise", 3.0, "red-circle")
    progress.close()
    shown = capsys.readouterr().err
    assert "red-circle 3/8 steps" in shown and "1/2 clips denoise" in shown and "ETA 0:03" in shown
