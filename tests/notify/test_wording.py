from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vgpipe.notify.facts import Ended, Failure
from vgpipe.notify.message import Mood
from vgpipe.notify.on_end import facts_of
from vgpipe.notify.wording import of_end

DONE = Ended(job="night", root=Path("/runs/a b"), exit_code=0, clips=8, done=8, failed=0, seconds=7 * 3600 + 65)
FAILED = tuple(Failure(name=f"clip-{number}", error="out of memory") for number in range(5))


def test_a_night_that_went_well():
    told = of_end(replace(DONE, report=Path("/runs/a b/report.html"), pictures=(Path("/runs/a b/contact-sheet.png"),)))
    assert told.title == "night: all clips done" and told.mood is Mood.SUCCESS
    assert told.body.startswith("8 done; took 7:01:05, ended at ") and ":/runs/a b/report.html" in told.body
    assert told.pictures == ("/runs/a b/contact-sheet.png",)


def test_drafts_are_there_to_be_looked_at_and_the_message_says_what_finishes_them():
    told = of_end(replace(DONE, done=0, drafted=8))
    assert told.title == "night: 8 drafts to look at" and told.mood is Mood.SUCCESS
    assert told.body.startswith("8 drafted; took ")
    assert "finish the drafts with: python -m vgpipe continue '/runs/a b' all\n" in told.body
    some = of_end(replace(DONE, done=2, drafted=6))
    assert some.title == "night: 2 of 8 clips done, 6 drafted" and "2 done, 6 drafted; took" in some.body
    assert (
        facts_of(replace(DONE, done=0, drafted=8))["VGPIPE_DRAFTED"] == "8"
        and replace(DONE, drafted=8, done=0).left == 0
    )


def test_the_first_failures_are_named_and_the_others_counted():
    told = of_end(replace(DONE, exit_code=1, done=3, failed=5, degraded=2, failures=FAILED))
    assert told.title == "night: 3 of 8 clips done, 5 failed" and told.mood is Mood.WARNING
    assert "3 done, 5 failed, 2 degraded" in told.body
    assert told.body.count("failed: clip-") == 3 and "and 2 more" in told.body


def test_a_run_that_stopped_says_why_and_how_to_finish_it():
    told = of_end(replace(DONE, exit_code=3, done=3, stopped_by="SIGTERM received"))
    assert told.title == "night: stopped, 3 of 8 clips done"
    assert "5 left" in told.body and "stopped: SIGTERM received" in told.body
    assert "python -m vgpipe resume '/runs/a b'" in told.body


def test_what_others_wrote_calls_nobody_and_breaks_no_line():
    told = of_end(
        replace(DONE, job="@everyone\nbuy", failed=1, done=7, failures=(Failure(name="@here", error="\x1b[2J"),))
    )
    text = f"{told.title}\n{told.body}"
    assert "@everyone" not in text and "@here" not in text and "\x1b" not in text and "\n" not in told.title


def test_a_single_clip_and_a_sweep_read_well():
    assert of_end(replace(DONE, job="", clips=1, done=1)).title == "vgpipe: the clip is done"
    sweep = of_end(replace(DONE, runs=4, exit_code=3, done=6))
    assert "6 done, 2 left in 4 runs" in sweep.body and "resume" not in sweep.body
