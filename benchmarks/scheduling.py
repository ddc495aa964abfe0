"""How near the driver's hand-outs come to the best possible time, and what deciding costs, over simulated time.

usage: python -m benchmarks.scheduling [--workers 64 1000] [--clips 10000] [--seed 0]

The real `Scheduler` hands clips to workers that only take as long as they are to. A quarter of them are as fast as a
4090, half are 3060s (0.35 of that) and a quarter 1660 Ti (0.16), which hold the largest of six kinds of clip not at all
and the second largest only degraded. A clip really takes up to 5 % more or less than others of its kind. The ideal is
the work divided by the speed of the workers that hold it, or the longest clip on the fastest; each worker
loads at least once. The clip of a killed worker is resumed at a checkpoint, by whoever gets it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.executor.driver.simulated import Device, Simulation, ideal_s, works_of
from vgpipe.executor.driver.scheduling import Scheduler, Work
from vgpipe.executor.workers.messages import Fit, Foreseen

CARDS = {"4090": 1.0, "3060": 0.35, "1660 Ti": 0.16}
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| workers | case | share of the ideal | cost per clip, ms of CPU |")
    print("| --- | --- | --- | --- |")
    for workers in options.workers:
        for case in CASES:
            simulation = play(case, workers, options.clips, options.seed)
            share = ideal_s(simulation.works, simulation.stays, case.load_s) / simulation.now_s
            cost_ms = simulation.cost_s / len(simulation.done) * 1000
            print(f"| {workers} | {case.title} | {share:.3f} | {cost_ms:.2f} |", flush=True)


if __name__ == "__main__":
    main()
