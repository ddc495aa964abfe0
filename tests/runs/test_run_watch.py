"""How far a run is, across pauses, and what is told of its deadline."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.plans.test_order import CLIP
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.progress_state import ProgressState
from vgpipe.plans.done_by import DoneBy
from vgpipe.runs.run_watch import PAUSED, RunWatch


def state(fraction=0.0, **facts):
    return ProgressState(**{"clips_done": 0, "clips": 4, "pieces_done": 0, "pieces": 8, "fraction": fraction, **facts})


def quiet(_kind, **_facts):
    """Takes an event."""


def test_the_share_of_the_work_goes_on_after_a_pause():
    seen = []
    watch = RunWatch(seen.append, CancelToken(), quiet)
    watch(state(0.5))
    watch.paused(clips=4, done=2)
    watch(state(0.0, stage="encode"))
    watch(state(0.5))
    assert [one.fraction for one in seen] == [0.5, 0.5, 0.5, 0.75]
    assert (seen[1].stage, seen[1].clips_done, seen[1].clips, seen[1].eta_s) == (PAUSED, 2, 4, None)


def test_nobody_has_to_ask():
    RunWatch(None, CancelToken(), quiet)(state(0.5))


class Clips:
    """Ten clips of a run with a deadline, of which some are done."""

    def __init__(self, monkeypatch, left_s=100.0, planned=None):
        monkeypatch.setattr("vgpipe.runs.run_watch.EVERY_S", 0.0)
        self.left_s, self.events = left_s, []
        stop = SimpleNamespace(deadline=lambda: SimpleNamespace(at="07:00", left_s=self.left_s))
        self.watch = RunWatch(None, stop, lambda _kind, **facts: self.events.append(facts), planned)
        clips = [replace(CLIP, id=str(one)) for one in range(10)]
        self.states = [SimpleNamespace(is_made=False, error=None, clip=clip, draft=None) for clip in clips]
        self.watch.begin(self.states)

    def at(self, done, eta_s, part=0.0):
        for one in self.states[:done]:
            one.is_made = True
        self.watch(state((done + part) / 10, clips_done=done, clips=10, eta_s=eta_s))

    @property
    def told(self):
        return [(one["least"], one["will_be_done"], one["most"], one["of"]) for one in self.events]


@pytest.fixture
def run(monkeypatch):
    return lambda **given: Clips(monkeypatch, **given)


def test_a_deadline_that_will_be_missed_is_told_once_and_again_when_that_changes(run, caplog):
    clips = run()
    clips.at(1, 150.0)  # 9 clips in 150 s, of which 100 s are left
    assert clips.told == [(6, 7, 7, 10)] and clips.events[0]["at"] == "07:00"
    assert "by 07:00: 6 to 7 of 10 clips: will miss about 3" in caplog.text
    clips.at(2, 140.0)
    clips.at(2, 145.0)
    assert len(clips.told) == 1
    clips.at(3, 40.0)
    assert clips.told[1:] == [(10, 10, 10, 10)]
    clips.left_s = 20.0
    clips.at(4, 60.0)
    assert clips.told[2:] == [(5, 6, 6, 10)]


def test_a_clip_that_is_nearly_done_counts_by_what_is_left_of_it(run):
    clips = run(left_s=2.0)
    clips.at(8, 11.0, part=0.9)  # 1 s of this clip and 10 s of the last one
    assert clips.told == [(9, 9, 9, 10)]


def test_what_is_nearly_met_changes_nothing(run):
    clips = run()
    clips.at(1, 80.0)
    for eta_s in (95.0, 105.0, 95.0):
        clips.at(1, eta_s)
    assert clips.told == [(10, 10, 10, 10)]


def test_nothing_is_told_before_a_clip_is_made_or_the_time_left_has_settled(run, monkeypatch):
    clips = run()
    clips.at(0, 150.0)
    clips.at(0, None)
    assert clips.told == []
    monkeypatch.setattr("vgpipe.runs.run_watch.SETTLED_S", 0.0)
    clips.at(0, 150.0)
    assert clips.told == [(6, 6, 7, 10)]


def test_what_the_plan_foresees_is_the_first_event_and_is_not_said_twice(run, caplog):
    clips = run(planned=DoneBy(at="07:00", will_be_done=10, least=10, most=10, of=10))
    clips.at(1, 90.0)
    assert clips.told == [(10, 10, 10, 10)] and "by 07:00" not in caplog.text


def test_clips_that_failed_take_no_time_and_are_not_missed(run):
    clips = run()
    clips.states[9].error = "broken"
    clips.at(1, 40.0)
    assert clips.told == [(9, 9, 9, 9)]


def test_clips_that_are_added_are_more_to_do(run):
    seen, clips = [], run()
    clips.watch = RunWatch(seen.append, CancelToken(), quiet)
    clips.watch.begin(clips.states[:5])
    clips.watch(state(1.0))
    for one in clips.states[:5]:
        one.is_made = True
    clips.watch.begin(clips.states)
    clips.watch(state(0.5))
    assert [one.fraction for one in seen] == [1.0, 0.75]
