"""What the driver of many workers itself spends on a clip: everything but the workers, which are simulated.

usage: python -m benchmarks.driver_cost FOLDER [--workers 64 1000] [--clips 10000] [--steps 20] [--profile]

Runs a job with the embedded model in which each worker puts a tiny file into the store for each clip and sends what a
real one would, without making anything. The driver is real: it hands out, counts progress, places files into the run
and writes its records. FOLDER must not exist; it gets several files per clip. In memory (`/dev/shm`), 10,000 clips took
0.91 ms each with 64 workers and 1.37 ms with 1,000.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from vgpipe import run
from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.driver.drive import Driver
from vgpipe.executor.worker_count import Wanted
from vgpipe.executor.workers.messages import (
    Began,
    ClipEnded,
    Died,
    Ending,
    Fit,
    Foreseen,
    FromWorker,
    HandOut,
    HandOutEnded,
    PieceDone,
    Ready,
    StepDone,
    ToWorker,
    WorkerSettings,
)
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.versions import versions_here
from vgpipe.fallback.history import PastFallback, Size
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT

BATCH = 10
"""Messages that come in together."""
COLOURS, SHAPES = ("red", "green", "yellow", "cyan"), ("circle", "square", "triangle")


class SimulatedPool:
    """Workers that send and make nothing; a `WorkerPool`.

    Attributes:
        spent_s: processor time of its own methods.
        messages: how many it has delivered.
    """

    def __init__(self, slots: Sequence[Slot], steps: int):
        self._slots, self._steps = slots, steps
        self._store: Store | None = None
        self._states: dict[str, ClipState] = {}
        self._talking: deque[tuple[str, Iterator[FromWorker]]] = deque()
        self.spent_s, self.messages = 0.0, 0

    def open(self, states: Sequence[ClipState], store: Store) -> None:
        """Has it know what will be made."""
        self._store, self._states = store, {state.clip.id: state for state in states}

    def slots(self) -> Sequence[Slot]:
        """Returns its places."""
        return self._slots

    def start(self, slot: Slot, settings: WorkerSettings) -> None:
        """Has a worker be ready."""
        foreseen = tuple(Foreseen(Fit.AS_ASKED, 10.0) for _ in settings.samples)
        facts = {"host": "here", "pid": 1, "memory_gb": None, "versions": versions_here()}
        ready = Ready(device="simulated", foreseen=foreseen, **facts)
        self._talking.append((slot.name, iter([ready])))

    def send(self, slot: str, message: ToWorker) -> None:
        """Has a worker tell of its clips."""
        began = time.process_time()
        if isinstance(message, HandOut):
            for item in message.items:
                self._store_files(self._states.get(item.clip.id))
            self._talking.append((slot, iter(list(self._told(message)))))
        self.spent_s += time.process_time() - began

    def receive(self, timeout_s: float) -> list[tuple[str, FromWorker]]:
        """Returns the next message of each of a few workers."""
        began = time.process_time()
        found = []
        for _ in range(min(BATCH, len(self._talking))):
            slot, told = self._talking.popleft()
            message = next(told, None)
            if message is not None:
                found.append((slot, message))
                self._talking.append((slot, told))
        self.messages += len(found)
        self.spent_s += time.process_time() - began
        return found

    def kill(self, slot: str) -> None:
        """Ends a worker."""
        self._talking.append((slot, iter([Died("killed")])))

    def close(self) -> None:
        """Leaves nothing behind."""

    def _store_files(self, state: ClipState | None) -> None:
        for key in state.keys.exports if state and self._store else ():
            with self._store.create(key) as draft:
                (draft.folder / "video.mp4").write_bytes(b"none")
                draft.info |= {"kind": "mp4", "file": {}, "degradation": None, "notes": [], "seconds": 0.1}

    def _told(self, hand_out: HandOut) -> Iterator[FromWorker]:
        for item in hand_out.items:
            yield Began(ENCODE, item.clip.id)
            yield PieceDone(ENCODE, 0.1, item.clip.id)
        for item in hand_out.items:
            yield Began(DENOISE, item.clip.id)
            yield from (StepDone(done, self._steps) for done in range(1, self._steps + 1))
            yield PieceDone(DENOISE, 8.0, item.clip.id)
        for item in hand_out.items:
            yield Began(DECODE, item.clip.id)
            yield PieceDone(DECODE, 1.5, item.clip.id)
            yield PieceDone(EXPORT, 0.4, item.clip.id)
            made = PastFallback({}, Size.of(item.clip), (), None)
            seconds = {ENCODE: 0.1, DENOISE: 8.0, DECODE: 1.5, EXPORT: 0.4}
            yield ClipEnded(
                clip=item.clip.id,
                ending=Ending.DONE,
                made=made,
                seconds=seconds,
                segment_degradations=((),),
                segment_seconds=(seconds,),
            )
        yield HandOutEnded(hand_out.number)


def measure(folder: Path, workers: int, clips: int, steps: int, profile: cProfile.Profile | None) -> dict[str, Any]:
    """Runs a job of many clips; returns what the driver spent."""
    folder.mkdir(parents=True)
    texts = (f"a {COLOURS[n % 4]} {SHAPES[n % 3]} moving left, number {n}" for n in range(clips))
    (folder / "job.yaml").write_text("prompts:\n" + "".join(f"  - '{text}'\n" for text in texts), "utf-8")
    slots = tuple(Slot(f"node-{number // 8}/cuda:{number % 8}", "cuda:0") for number in range(workers))
    pool = SimulatedPool(slots, steps)
    found: dict[str, Any] = {}
    make = Driver.make

    def measured(driver: Any, pending: Sequence[ClipState]) -> bool:
        pool.open(pending, driver._inputs.finished.store)
        began = time.process_time()
        if profile is not None:
            profile.enable()
        try:
            return make(driver, pending)
        finally:
            if profile is not None:
                profile.disable()
            found.update(seconds=time.process_time() - began - pool.spent_s, messages=pool.messages)

    overrides = [f"store.dir={folder / 'store'}", "executor.workers=2", "executor.canary=false", "quality=quick"]
    with (
        mock.patch("vgpipe.executor.worker_count.wanted_slots", lambda *_: Wanted(slots, "cpu")),
        mock.patch("vgpipe.executor.workers.processes.ProcessPool", lambda _slots: pool),
        mock.patch("vgpipe.executor.workers.host_process.start_host", lambda *_: None),
        mock.patch.object(Driver, "make", measured),
    ):
        done = run(folder / "job.yaml", out=folder / "run", overrides=overrides, on_progress=lambda _: None)
    found["done"] = sum(bool(clip.files) for clip in done.clips)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 1000])
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--profile", action="store_true", help="print where the time goes, which costs time itself")
    options = parser.parse_args()
    for number, workers in zip(itertools.count(), options.workers):
        profile = cProfile.Profile() if options.profile else None
        found = measure((options.folder / str(number)).absolute(), workers, options.clips, options.steps, profile)
        each = found["seconds"] / options.clips * 1000
        told = found["messages"] / options.clips
        print(f"{workers} workers, {found['done']} clips: {each:.2f} ms per clip, {told:.0f} messages each", flush=True)
        if profile is not None:
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
