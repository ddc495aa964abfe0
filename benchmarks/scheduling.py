"""How near the driver's hand-outs come to the best possible time, and what deciding costs, over simulated time.

usage: python -m benchmarks.scheduling [--workers 64 1000] [--clips 10000] [--seed 0]
       python -m benchmarks.scheduling --actors [--clips 200] [--seconds 90]

The real `Scheduler` hands clips to workers that only take as long as they are to. A quarter of them are as fast as a
4090, half are 3060s (0.35 of that) and a quarter 1660 Ti (0.16), which hold the largest of six kinds of clip not at all
and the second largest only degraded. The seconds of clips of a kind differ by up to 5 %. The ideal is
the work divided by the speed of the workers that hold it, or the longest clip on the fastest; each worker
loads at least once. The clip of a killed worker is resumed at a checkpoint, by whoever gets it.

With `--actors` the workers are 16 Ray actors on this machine that sleep, in real time, as long as the clips are to
take, scaled so that the ideal is `--seconds`: 4 as fast as a 4090, 8 3060s, 4 1660 Ti, whose forecasts are wrong by up
to 2. A small loop calls the scheduler.

Found (docs/benchmarks.md has all rows): with 64 workers 0.97 to 0.999 of the ideal and at most 0.3 ms per clip. With
1,000, which make ten clips each: 0.97 to 0.98 and at most 0.8 ms; 0.94 and 0.88 where hand-outs load for 5 and 30 s;
0.86 where a fifth of the workers joins late; 0.65 at 1.2 ms where 60 kinds are each foreseen wrongly. 16 actors: 0.989.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.executor.driver.simulated import Device, Simulation, Stay, ideal_s, works_of
from vgpipe.executor.driver.scheduling import Scheduler, Work
from vgpipe.executor.workers.messages import Fit, Foreseen

CARDS = {"4090": 1.0, "3060": 0.35, "1660 Ti": 0.16}
ACTORS = {"4090": 4, "3060": 8, "1660 Ti": 4}
KINDS_S = (20.0, 45.0, 60.0, 90.0, 200.0, 300.0)
"""Seconds of each kind on the fastest card."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated.

    Attributes:
        title: for the table.
        wrong_by: largest factor by which forecasts are wrong, for each card and kind.
        differ_by: largest factor by which cards of one kind differ, which no forecast knows.
        load_s: what each hand-out spends on loading.
        deaths: share of workers that are killed once, and are there again after a minute.
        late: share of workers that join at some time in the first half.
        variants: of each kind, with other seconds.
    """

    title: str
    wrong_by: float = 1.0
    differ_by: float = 1.0
    load_s: float = 0.0
    deaths: float = 0.0
    late: float = 0.0
    variants: int = 1


CASES = (
    Case("forecasts are right"),
    Case("forecasts are wrong by up to 2", wrong_by=2.0),
    Case("and equal cards differ by up to 1.3", wrong_by=2.0, differ_by=1.3),
    Case("60 kinds, forecasts are right", variants=10),
    Case("60 kinds, the forecast of each is wrong by up to 2", wrong_by=2.0, variants=10),
    Case("a fifth of the workers is killed and started again", wrong_by=2.0, deaths=0.2),
    Case("a fifth of the workers joins in the first half, unforeseen", wrong_by=2.0, late=0.2),
    Case("each hand-out loads for 5 s", wrong_by=2.0, load_s=5.0),
    Case("each hand-out loads for 30 s", wrong_by=2.0, load_s=30.0),
)


def job(rng: random.Random, clips: int, kinds_s: Sequence[float]) -> dict[str, Work]:
    """Returns clips of which the short ones are the more frequent."""
    kinds = rng.choices(range(len(kinds_s)), [1 / seconds for seconds in kinds_s], k=clips)
    return works_of([(kind, rng.choice([1.0, 1.0, 1.0, 2.0])) for kind in kinds])


def devices(rng: random.Random, workers: int, case: Case, kinds_s: Sequence[float]) -> list[Device]:
    """Returns the workers, in random order."""
    cards = ["4090"] * (workers // 4) + ["1660 Ti"] * (workers // 4)
    cards += ["3060"] * (workers - len(cards))
    rng.shuffle(cards)
    wrong_by = {(card, kind): case.wrong_by ** rng.uniform(-1, 1) for card in CARDS for kind in range(len(kinds_s))}
    return [device_of(card, case.differ_by ** rng.uniform(-0.5, 0.5), wrong_by, kinds_s) for card in cards]


def device_of(card: str, differs: float, wrong_by: dict[tuple[str, int], float], kinds_s: Sequence[float]) -> Device:
    """Returns a worker on a card."""
    seconds = [one / CARDS[card] for one in kinds_s]
    fits = [fit(card, one) for one in kinds_s]
    foreseen = [Foreseen(fits[kind], one * wrong_by[card, kind]) for kind, one in enumerate(seconds)]
    return Device([one * differs for one in seconds], foreseen)


def fit(card: str, kind_s: float) -> Fit:
    """Says whether a card holds a kind: long clips are large ones."""
    if card != "1660 Ti" or kind_s < KINDS_S[-2]:
        return Fit.AS_ASKED
    return Fit.DEGRADED if kind_s < KINDS_S[-1] else Fit.NOT


def play(case: Case, workers: int, clips: int, seed: int) -> Simulation:
    """Plays a case to its end."""
    rng = random.Random(seed)
    kinds_s = [one * (1 + 0.02 * variant) for one in KINDS_S for variant in range(case.variants)]
    works = job(rng, clips, kinds_s)
    scheduler = Scheduler(works.values(), wave_size=None, load_share=0.03)
    simulation = Simulation(scheduler, works, case.load_s, lambda: rng.uniform(0.95, 1.05))
    fleet = devices(rng, workers, case, kinds_s)
    about_s = sum(work.size * kinds_s[work.kind] for work in works.values()) / workers / 0.47
    for index, one in enumerate(fleet):
        begin(simulation, rng, f"w{index}", one, case, about_s)
    simulation.run()
    return simulation


def begin(simulation: Simulation, rng: random.Random, name: str, of: Device, case: Case, about_s: float) -> None:
    """Has a worker join, now or late, and perhaps die once."""
    joins_s = rng.uniform(0, about_s / 2) if rng.random() < case.late else 0.0
    if not joins_s:
        simulation.expect(name)
    simulation.at(joins_s, lambda: simulation.join(name, of))
    if rng.random() < case.deaths:
        dies_s = rng.uniform(joins_s, about_s * 0.9)
        simulation.at(dies_s, lambda: name in simulation.there and simulation.leave(name))
        simulation.at(dies_s + 60, lambda: name in simulation.there or simulation.join(name, of))


def play_on_actors(clips: int, seconds: float, seed: int) -> tuple[float, float]:
    """Has Ray actors wait as long as clips would take; returns the ideal and the real seconds."""
    import ray

    rng = random.Random(seed)
    works = job(rng, clips, KINDS_S)
    names = [card for card, count in ACTORS.items() for _ in range(count)]
    wrong_by = {(card, kind): 2.0 ** rng.uniform(-1, 1) for card in CARDS for kind in range(len(KINDS_S))}
    fleet = {f"{card} {number}": device_of(card, 1.0, wrong_by, KINDS_S) for number, card in enumerate(names)}
    scale = seconds / ideal_s(works, [Stay(one) for one in fleet.values()])
    fleet = {name: _scaled(one, scale) for name, one in fleet.items()}
    options = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80_000_000, "log_to_driver": False}
    ray.init(address="local", **options)
    try:
        waiter = ray.remote(num_cpus=0)(Waiter)
        actors = {name: waiter.remote() for name in fleet}
        ray.get([actor.wait.remote([0.0]) for actor in actors.values()])
        return seconds, _driven(works, fleet, actors)
    finally:
        ray.shutdown()


def _driven(works: Mapping[str, Work], fleet: Mapping[str, Device], actors: Mapping[str, Any]) -> float:
    import ray

    scheduler = Scheduler(works.values(), wave_size=None, load_share=0.03)
    for name, of in fleet.items():
        scheduler.join(name, of.foreseen)
    began_s, free, at_work, left = time.monotonic(), set(actors), {}, len(works)
    while left:
        now_s = time.monotonic()
        for name in sorted(free):
            if clips := scheduler.next(name, now_s):
                takes = [fleet[name].seconds[works[clip].kind] * works[clip].size for clip in clips]
                at_work[actors[name].wait.remote(takes)] = name, clips
                free.discard(name)
        for done in ray.wait(list(at_work), timeout=0.25)[0]:
            name, clips = at_work.pop(done)
            for clip, took_s in zip(clips, ray.get(done), strict=True):
                scheduler.ended(name, clip, time.monotonic(), took_s)
            scheduler.loads(name, 0.0)
            free.add(name)
            left -= len(clips)
    return time.monotonic() - began_s


def _scaled(one: Device, by: float) -> Device:
    foreseen = [replace(kind, seconds=(kind.seconds or 0.0) * by) for kind in one.foreseen]
    return Device([seconds * by for seconds in one.seconds], foreseen)


class Waiter:
    """What each actor runs."""

    def wait(self, takes: Sequence[float]) -> list[float]:
        """Sleeps for each clip; returns what each took."""
        for seconds in takes:
            time.sleep(seconds)
        return list(takes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--clips", type=int, help="10,000; 200 with --actors")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--actors", action="store_true", help="Ray actors in real time")
    parser.add_argument("--seconds", type=float, default=90.0, help="ideal time of the actors")
    options = parser.parse_args()
    if options.actors:
        ideal, took = play_on_actors(options.clips or 200, options.seconds, options.seed)
        print(f"{sum(ACTORS.values())} actors: {ideal / took:.3f} of the ideal ({took:.1f} s)")
        return
    print("| workers | case | share of the ideal | cost per clip, ms of CPU |")
    print("| --- | --- | --- | --- |")
    for workers in options.workers:
        for case in CASES:
            simulation = play(case, workers, options.clips or 10_000, options.seed)
            share = ideal_s(simulation.works, simulation.stays, case.load_s) / simulation.now_s
            cost_ms = simulation.cost_s / len(simulation.done) * 1000
            print(f"| {workers} | {case.title} | {share:.3f} | {cost_ms:.2f} |", flush=True)


if __name__ == "__main__":
    main()
