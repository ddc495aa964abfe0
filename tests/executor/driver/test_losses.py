from __future__ import annotations

from vgpipe.executor.driver.losses import Failed, Losses, Verdict


def test_a_clip_that_takes_its_last_worker_along_fails_alone():
    losses = Losses(max_clip_retries=2)
    for deaths, slot in enumerate(("a", "b"), start=1):
        losses.ready(slot)
        assert losses.died(slot, "clip") == Verdict(deaths=deaths)
    losses.ready("c")
    assert losses.died("c", "clip") == Verdict(fails="clip", deaths=3)


def test_without_retries_the_first_death_fails_the_clip():
    assert Losses(max_clip_retries=0).died("a", "clip").fails == "clip"


def test_a_clip_that_was_done_in_between_starts_from_zero():
    losses = Losses(max_clip_retries=1)
    losses.died("a", "clip")
    losses.done("b", "clip")
    assert losses.died("a", "clip").fails == ""


def test_a_slot_that_loses_three_different_clips_in_a_row_is_retired():
    losses = Losses(max_clip_retries=9)
    assert [losses.died("a", clip).retires for clip in ("x", "x", "y")] == ["", "", ""]
    assert losses.died("a", "z").retires == "its worker died at x, y and z, one after another"


def test_a_clip_that_is_done_saves_the_slot():
    losses = Losses(max_clip_retries=9)
    for clip in ("x", "y"):
        losses.died("a", clip)
    losses.done("a", "w")
    assert losses.died("a", "z").retires == ""


def test_the_clips_of_another_slot_do_not_count():
    losses = Losses(max_clip_retries=9)
    assert [losses.died(slot, clip).retires for slot, clip in (("a", "x"), ("b", "y"), ("c", "z"))] == ["", "", ""]


def test_a_slot_that_never_becomes_ready_is_tried_again_later_and_later_then_retired():
    losses = Losses(max_clip_retries=2)
    verdicts = [losses.died("a", None) for _ in range(3)]
    assert [one.restart_after_s for one in verdicts[:2]] == [1.0, 2.0]
    assert [one.retires for one in verdicts] == ["", "", "its worker died 3 times in a row before it was ready"]


def test_a_worker_that_was_ready_ends_the_row_of_those_that_were_not():
    losses = Losses(max_clip_retries=2)
    for _ in range(2):
        losses.died("a", None)
    losses.ready("a")
    assert losses.died("a", "x") == Verdict(deaths=1)
    assert losses.died("a", None).restart_after_s == 1.0


def test_a_slot_whose_workers_die_with_nothing_to_do_does_not_restart_for_ever():
    losses = Losses(max_clip_retries=2)
    verdicts = []
    for _ in range(3):
        losses.ready("a")
        verdicts.append(losses.died("a", None))
    assert verdicts[-1].retires == "its worker died 3 times in a row while it had nothing to do"
    assert all(one.fails == "" for one in verdicts)


def test_a_clip_that_fails_is_tried_once_more_and_a_worker_that_fails_three_is_retired():
    losses = Losses(2)
    assert losses.failed("a", "x") == Failed(is_tried_again=True)
    assert losses.failed("b", "x") == Failed(is_tried_again=False)
    losses.done("b", "y")
    assert not losses.failed("a", "z").retires
    assert losses.failed("a", "w").retires == "it failed at x, z and w, one after another"
    assert not losses.failed("b", "v").retires
