from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vgpipe.config.schema import NotifyConfig
from vgpipe.executor.progress_state import ProgressState
from vgpipe.notify.facts import Ended
from vgpipe.notify.listener import RunListener

ENDED = Ended(job="night", root=Path("/run"), exit_code=0, clips=8, done=8, failed=0, seconds=60)
STATE = ProgressState(clips_done=3, clips=8, pieces_done=9, pieces=20, stage="denoise", clip="hero", step=3, steps=20)


class Heard:
    def __init__(self, **settings):
        self.told, self.events, self.arrived = [], [], threading.Event()
        self.watch = RunListener(
            NotifyConfig(**settings), "night", Path("/run"), send=self.told.append, write_event=self.event
        )

    def event(self, kind, **facts):
        self.events.append((kind, facts))
        self.arrived.set()

    @property
    def titles(self):
        return [message.title for message in self.told]


def test_the_first_failure_is_told_with_how_far_the_run_is():
    heard = Heard()
    heard.watch.listening(None)(STATE)
    heard.watch.on_event("canary_failed", {"clip": "canary", "error": "black"})
    for name in ("hero", "villain"):
        heard.watch.on_event("clip_failed", {"clip": name, "error": "out of memory"})
    (told,) = heard.told
    assert told.title == "night: a clip failed"
    assert "failed: hero: out of memory" in told.body and "3 of 8 clips done" in told.body


def test_a_clip_that_failed_before_the_run_was_resumed_is_told_no_second_time():
    told = []
    failed = {"failed_before": ["hero"], "write_event": print}
    watch = RunListener(NotifyConfig(), "night", Path("/run"), send=told.append, **failed)
    watch.on_event("clip_failed", {"clip": "hero", "error": "out of memory"})
    assert told == []
    watch.on_event("clip_failed", {"clip": "villain", "error": "out of memory"})
    assert "failed: villain" in told[0].body


@pytest.mark.parametrize(("of", "told"), [(8, 1), (6, 0)])
def test_a_deadline_that_will_be_missed_is_told(of, told):
    heard = Heard()
    heard.watch.on_event("deadline", {"will_be_done": 6, "least": 5, "most": 7, "of": of, "at": "07:00"})
    assert len(heard.told) == told
    if told:
        assert "about 6 of 8 clips (5 to 7) will be done by 07:00" in heard.told[0].body


def test_a_deadline_is_told_again_only_if_it_would_have_been_met_in_between():
    heard = Heard()
    for done in (6, 5, 8, 8, 7, 6):
        heard.watch.on_event("deadline", {"will_be_done": done, "of": 8, "at": "07:00"})
    heard.watch.on_event("deadline", {"will_be_done": "many", "of": 8})
    assert len(heard.told) == 2


def test_a_deadline_that_may_still_be_met_is_no_news_until_it_cannot_be():
    heard = Heard()
    for least, done, most in ((2, 5, 8), (4, 5, 6), (5, 6, 8), (5, 6, 7)):
        heard.watch.on_event("deadline", {"will_be_done": done, "least": least, "most": most, "of": 8, "at": "07:00"})
    (told,) = heard.told
    assert "about 5 of 8 clips (4 to 6)" in told.body


def test_what_was_not_asked_for_is_not_told():
    heard = Heard(on=("deadline",))
    heard.watch.on_event("clip_failed", {"clip": "hero", "error": "x"})
    heard.watch.ended(ENDED)
    assert heard.told == []
    other = Heard(on=("end",))
    other.watch.ended(ENDED)
    assert other.titles == ["night: all clips done"]


def test_where_nothing_happens_an_event_and_one_message_say_so():
    heard = Heard(stall_after="0.02s")
    with heard.watch:
        heard.watch.listening(None)(STATE)
        assert heard.arrived.wait(5)
        heard.watch.on_event("deadline", {})  # no sign of work
    ((kind, facts),) = heard.events
    assert kind == "stalled" and facts["last"] == "denoise of hero, step 3 of 20" and facts["seconds"] > 0
    assert heard.titles == ["night: nothing has happened for 0:00"]


def test_a_pause_is_no_stall_and_work_goes_on_after_it():
    heard = Heard(stall_after="0.02s")
    heard.watch.on_event("paused", {})
    with heard.watch:
        assert not heard.arrived.wait(0.3)
        heard.watch.on_event("continued", {})
        assert heard.arrived.wait(5)


def test_another_listener_hears_of_the_progress_too():
    heard, others = Heard(), []
    heard.watch.listening(others.append)(STATE)
    assert others == [STATE]
