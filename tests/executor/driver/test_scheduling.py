from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.executor.driver.simulated import Device, Simulation, device, ideal_s, works_of
from vgpipe.executor.driver.scheduling import Scheduler, Work
from vgpipe.executor.driver.work_queue import Preference
from vgpipe.executor.workers.messages import Fit, Foreseen

NOT, DEGRADED, AS_ASKED = Fit.NOT, Fit.DEGRADED, Fit.AS_ASKED


def scheduler_of(works: dict[str, Work], wave_size: int | None = None) -> Scheduler:
    return Scheduler(works.values(), wave_size=wave_size, load_share=0.03)


def foresees(*seconds: float | None, fit: Fit = AS_ASKED) -> list[Foreseen]:
    return [Foreseen(fit, one) for one in seconds]


def drained(scheduler: Scheduler, worker: str, now_s: float = 0.0) -> list[str]:
    """Has a worker make all that it is given; returns it in order."""
    made: list[str] = []
    while clips := scheduler.next(worker, now_s):
        for clip in clips:
            scheduler.ended(worker, clip, now_s)
        made += clips
    return made


def test_the_longest_goes_first():
    scheduler = scheduler_of(works_of([(0, 1.0), (1, 1.0), (0, 3.0)]), wave_size=1)
    scheduler.join("a", foresees(10.0, 20.0))
    assert drained(scheduler, "a") == ["c2", "c1", "c0"]


def test_clips_of_one_length_go_in_job_order():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 5), wave_size=2)
    scheduler.join("a", foresees(10.0))
    assert drained(scheduler, "a") == ["c0", "c1", "c2", "c3", "c4"]


def test_clips_of_a_group_go_out_together():
    works = works_of([(0, 1.0), (0, 1.0), (0, 1.0), (0, 1.0)], groups=["g", "", "g", ""])
    scheduler = scheduler_of(works, wave_size=1)
    scheduler.join("a", foresees(10.0))
    assert scheduler.next("a", 0.0) == ["c0", "c2"]


def test_a_group_is_not_split_by_a_clip_that_is_given_back():
    scheduler = scheduler_of(works_of([(0, 1.0), (0, 1.0)], groups=["g", "g"]), wave_size=1)
    for worker in ("a", "b"):
        scheduler.join(worker, foresees(10.0))
    assert scheduler.next("a", 0.0) == ["c0", "c1"]
    scheduler.returned("a", "c0")
    assert scheduler.next("b", 0.0) == []
    scheduler.returned("a", "c1")
    assert scheduler.next("b", 0.0) == ["c0", "c1"]


def test_a_clip_that_one_card_holds_as_asked_is_not_degraded_on_another_until_that_one_leaves():
    scheduler = scheduler_of(works_of([(0, 1.0), (1, 1.0)]), wave_size=1)
    scheduler.join("small", [Foreseen(DEGRADED, 10.0), Foreseen(AS_ASKED, 5.0)])
    scheduler.join("large", [Foreseen(AS_ASKED, 10.0), Foreseen(AS_ASKED, 5.0)])
    assert drained(scheduler, "small") == ["c1"]
    scheduler.leave("large")
    assert drained(scheduler, "small") == ["c0"]


def test_what_fits_best_elsewhere_waits_for_a_worker_that_is_started_again():
    scheduler = scheduler_of(works_of([(0, 1.0)]))
    scheduler.expect("large")
    scheduler.join("small", foresees(10.0, fit=DEGRADED))
    assert scheduler.next("small", 0.0) == []
    scheduler.join("large", foresees(10.0))
    assert scheduler.next("large", 0.0) == ["c0"]
    assert scheduler.expect("large") == ["c0"]
    assert scheduler.next("small", 1.0) == []
    assert scheduler.unplaceable() == []
    scheduler.leave("large")
    assert scheduler.next("small", 1.0) == ["c0"]


def test_the_first_of_many_to_be_ready_does_not_take_the_share_of_all():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 40), wave_size=20)
    for index in range(8):
        scheduler.expect(f"w{index}")
    scheduler.join("w0", foresees(10.0))
    assert len(scheduler.next("w0", 0.0)) == 2


def test_in_a_short_job_a_worker_waits_a_moment_for_those_that_may_be_faster():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 2))
    for name in ("slow", "fast"):
        scheduler.expect(name)
    scheduler.join("slow", foresees(100.0))
    assert scheduler.next("slow", 0.0) == []
    scheduler.join("fast", foresees(10.0))
    assert (scheduler.next("slow", 1.0), scheduler.next("fast", 1.0)) == ([], ["c0"])


def test_it_waits_no_longer_than_a_moment():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 2))
    for name in ("slow", "fast"):
        scheduler.expect(name)
    scheduler.join("slow", foresees(100.0))
    assert [scheduler.next("slow", now_s) for now_s in (0.0, 4.0, 5.0)] == [[], [], ["c0"]]


def test_names_what_no_worker_holds():
    scheduler = scheduler_of(works_of([(0, 1.0), (1, 1.0)]))
    assert scheduler.unplaceable() == []
    scheduler.join("a", [Foreseen(NOT), Foreseen(AS_ASKED, 1.0)])
    assert scheduler.unplaceable() == ["c0"]
    assert drained(scheduler, "a") == ["c1"]
    scheduler.join("b", foresees(4.0, 4.0))
    assert (scheduler.unplaceable(), drained(scheduler, "b")) == ([], ["c0"])


def test_a_slow_worker_does_not_begin_the_last_clip_but_gets_it_when_the_fast_one_leaves():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 3))
    scheduler.join("fast", foresees(10.0))
    scheduler.join("slow", foresees(60.0))
    assert scheduler.next("fast", 0.0) == ["c0"]
    assert scheduler.next("slow", 0.0) == []
    assert scheduler.leave("fast") == ["c0"]
    assert scheduler.next("slow", 0.0) == ["c0"]


def test_a_slow_worker_does_not_wait_for_ever_for_a_fast_one_that_hangs():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 2))
    scheduler.join("fast", foresees(10.0))
    scheduler.join("slow", foresees(60.0))
    assert scheduler.next("fast", 0.0) == ["c0"]
    waits = next(now_s for now_s in range(1000) if scheduler.next("slow", float(now_s)))
    assert 20 < waits < 200


def test_a_worker_that_is_measured_to_be_slow_gets_less():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 200), wave_size=1)
    workers = {"a": 1.0, "b": 1.0, "c": 1.0, "slow": 5.0}
    for name in workers:
        scheduler.join(name, foresees(1.0))
    for _ in range(4):
        for name, seconds in workers.items():
            for clip in scheduler.next(name, 0.0):
                scheduler.ended(name, clip, 0.0, seconds)
    drained(scheduler, "a")
    simulation = Simulation(scheduler, {})
    assert simulation.run() == 0.0
    scheduler.add([Work("x", 0), Work("y", 0)])
    scheduler.next("a", 100.0)
    assert scheduler.next("slow", 100.0) == []
    assert scheduler.next("b", 100.0) == ["y"]


def test_waves_are_as_large_as_loading_demands_then_smaller_to_the_end():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 1000))
    for name in ("a", "b"):
        scheduler.join(name, foresees(10.0))
    first = scheduler.next("a", 0.0)
    for clip in first:
        scheduler.ended("a", clip, 40.0, 10.0)
    scheduler.loads("a", 3.1)
    assert (len(first), len(scheduler.next("a", 40.0))) == (4, 11)


def test_the_last_hand_outs_are_small():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 40), wave_size=100)
    for name in ("a", "b"):
        scheduler.join(name, foresees(10.0))
    sizes = []
    for _ in range(10):
        clips = scheduler.next("a", 0.0)
        sizes.append(len(clips))
        for clip in clips:
            scheduler.ended("a", clip, 0.0)
    assert sizes[:2] == [10, 7] and sizes[-1] == 1 and sizes == sorted(sizes, reverse=True)


def test_dropped_clips_are_not_handed_out():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 3, groups=["g", "g", ""]), wave_size=1)
    scheduler.join("a", foresees(1.0))
    scheduler.drop("c0")
    assert scheduler.queued == 2
    assert drained(scheduler, "a") == ["c1", "c2"]
    scheduler.drop("c2")
    assert (scheduler.queued, scheduler.at_work) == (0, 0)


def test_without_forecasts_waves_have_four_clips_until_one_is_measured():
    scheduler = scheduler_of(works_of([(0, 1.0)] * 99))
    scheduler.join("a", foresees(None))
    sizes = []
    for _ in range(2):
        clips = scheduler.next("a", 0.0)
        sizes.append(len(clips))
        for clip in clips:
            scheduler.ended("a", clip, 0.0, 50.0)
        scheduler.loads("a", 4.0)
    assert sizes == [4, 3]


def test_a_worker_that_foresees_nothing_at_all_takes_every_kind():
    scheduler = scheduler_of(works_of([(0, 1.0), (3, 1.0)]), wave_size=1)
    scheduler.join("a", [])
    assert sorted(drained(scheduler, "a")) == ["c0", "c1"]


CARDS = st.lists(st.sampled_from([1.0, 2.0, 3.0, 6.0]), min_size=1, max_size=10)
SIZES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1.0, 1.0, 2.0])), min_size=1, max_size=60)
KINDS = (10.0, 25.0, 40.0)


@settings(max_examples=60)
@given(CARDS, SIZES, st.randoms(use_true_random=False), st.sampled_from([None, 1, 3]))
def test_nothing_is_lost_or_made_twice_while_workers_come_and_go(cards, sizes, rng: random.Random, wave_size):
    works = works_of(sizes, groups=[rng.choice(["", "", "g", "h"]) for _ in sizes])
    scheduler = scheduler_of(works, wave_size)
    simulation = Simulation(scheduler, works, load_s=rng.choice([0.0, 5.0]))
    fits = [AS_ASKED, AS_ASKED, rng.choice([NOT, DEGRADED, AS_ASKED])]
    devices = [device([one * kind for kind in KINDS], fits if card % 3 else ()) for card, one in enumerate(cards)]

    def death(name: str, of: Device) -> None:
        if name in simulation.there:
            simulation.leave(name)
            simulation.at(simulation.now_s + rng.uniform(0, 50), lambda: simulation.join(name, of))

    for index, one in enumerate(devices):
        simulation.at(rng.uniform(0, 30), lambda name=f"w{index}", of=one: simulation.join(name, of))
    for _ in range(rng.randrange(8)):
        index = rng.randrange(len(devices))
        simulation.at(rng.uniform(0, 300), lambda name=f"w{index}", of=devices[index]: death(name, of))
    simulation.run()
    assert set(simulation.done) == set(works)
    assert (scheduler.queued, scheduler.at_work) == (0, 0)


@settings(max_examples=60)
@given(CARDS, SIZES, st.randoms(use_true_random=False))
def test_no_worker_idles_for_more_than_about_a_clip(cards, sizes, rng: random.Random):
    works = works_of(sizes)
    simulation = Simulation(scheduler_of(works), works, jitter=lambda: rng.uniform(0.95, 1.05))
    for index, one in enumerate(cards):
        simulation.join(f"w{index}", device([one * kind for kind in KINDS]))
    end_s = simulation.run()
    for index, one in enumerate(cards):
        idle_s = end_s - simulation.busy_until_s.get(f"w{index}", 0.0)
        assert idle_s <= 1.15 * one * max(KINDS[work.kind] * work.size for work in works.values())


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_the_makespan_is_near_the_ideal(seed):
    rng = random.Random(seed)
    cards = [rng.choice([1.0, 1.0, 2.5, 6.0]) for _ in range(rng.randrange(2, 12))]
    seconds = [rng.choice([10.0, 20.0, 45.0, 90.0]) for _ in range(3)]
    works = works_of([(rng.randrange(3), rng.choice([1.0, 1.0, 2.0])) for _ in range(20 * len(cards))])
    wrong_by = [rng.uniform(0.7, 1.4) for _ in range(3)]
    devices = [device([one * kind for kind in seconds], wrong_by=wrong_by) for one in cards]
    simulation = Simulation(scheduler_of(works), works, jitter=lambda: rng.uniform(0.9, 1.1))
    for index, one in enumerate(devices):
        simulation.join(f"w{index}", one)
    end_s = simulation.run()
    assert ideal_s(works, simulation.stays) / end_s >= 0.9


def test_the_cheapest_goes_first_where_that_is_wanted():
    works = works_of([(0, 1.0), (1, 1.0), (0, 3.0), (0, 1.0)])
    scheduler = Scheduler(works.values(), wave_size=1, load_share=0.03, preference=Preference.CHEAPEST)
    scheduler.join("a", foresees(10.0, 20.0))
    assert drained(scheduler, "a") == ["c0", "c3", "c1", "c2"]


def test_with_the_cheapest_first_several_workers_end_all_short_clips_before_the_long_ones():
    works = works_of([(0, 1.0)] * 6 + [(1, 1.0)] * 30)
    ends, done = {}, {}
    for preference in Preference:
        scheduler = Scheduler(works.values(), wave_size=None, load_share=0.03, preference=preference)
        played = Simulation(scheduler, works, load_s=1.0)
        for name in ("a", "b", "c"):
            played.join(name, device([50.0, 5.0]))
        ends[preference], done[preference] = played.run(), list(played.done)
    short = {f"c{number}" for number in range(6, 36)}
    assert set(done[Preference.CHEAPEST][:30]) == short and set(done[Preference.LONGEST][:3]).isdisjoint(short)
    assert ends[Preference.CHEAPEST] < 1.5 * ends[Preference.LONGEST]
