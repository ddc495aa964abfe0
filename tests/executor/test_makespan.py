from __future__ import annotations

import pytest

from vgpipe.executor.makespan import InHand, shared_s


def test_the_last_clip_is_on_one_worker_alone():
    assert shared_s([InHand(6.0, 1.0), InHand(0.0, 1.0)], clips=1, work_s=6.0) == 6.0
    assert shared_s([InHand(10.0, 1.0), InHand(10.0, 1.0)], clips=3, work_s=30.0) == pytest.approx(20.0, rel=1e-4)


def test_unequal_workers_share_by_speed():
    workers = [InHand(0.0, 1.5), InHand(0.0, 0.5)]
    assert shared_s(workers, clips=8, work_s=120.0) == pytest.approx(60.0, rel=1e-4)
    assert shared_s(workers, clips=1, work_s=15.0) == pytest.approx(10.0, rel=1e-4)  # the fast one takes it


def test_a_slow_worker_with_a_clip_in_hand_may_end_last():
    assert shared_s([InHand(10.0, 0.1), InHand(10.0, 1.0)], clips=2, work_s=20.0) == 100.0


def test_what_is_guessed_to_be_in_hand_is_never_more_than_the_work():
    assert shared_s([InHand(10.0, 1.0), InHand(10.0, 1.0)], clips=2, work_s=4.0) == pytest.approx(2.0)
    assert shared_s([InHand(0.0, 1.0)], clips=0, work_s=0.0) == 0.0


def test_many_clips_over_many_workers_come_near_the_ideal():
    workers = [InHand(0.0, 1.0 + number % 3) for number in range(64)]
    ideal = 10_000 * 5.0 / sum(one.speed for one in workers)
    assert ideal <= shared_s(workers, clips=10_000, work_s=50_000.0) <= ideal * 1.02
