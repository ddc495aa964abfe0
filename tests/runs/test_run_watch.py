"""How far a run is, across pauses."""

from __future__ import annotations

from vgpipe.executor.progress_state import ProgressState
from vgpipe.runs.run_watch import PAUSED, RunWatch


def state(fraction, **facts):
    return ProgressState(clips_done=0, clips=4, pieces_done=0, pieces=8, fraction=fraction, **facts)


def test_the_share_of_the_work_goes_on_after_a_pause():
    seen = []
    watch = RunWatch(seen.append)
    watch(state(0.5))
    watch.paused(clips=4, done=2)
    watch(state(0.0, stage="encode"))
    watch(state(0.5))
    assert [one.fraction for one in seen] == [0.5, 0.5, 0.5, 0.75]
    assert (seen[1].stage, seen[1].clips_done, seen[1].clips, seen[1].eta_s) == (PAUSED, 2, 4, None)


def test_nobody_has_to_ask():
    RunWatch(None)(state(0.5))
