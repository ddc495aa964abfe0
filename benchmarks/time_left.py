"""How true the time left is that progress shows, over simulated time: `python -m benchmarks.time_left`.

Simulated workers make clips, longest first, and report to a real `Progress`. A row is a job, a column a share of its
time, with the time left that is shown then over the one that was really left. Every clip lasts up to 5 % more or
less than its size says.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from functools import partial
from unittest import mock

from vgpipe.executor.piece_sizes import PieceSizes
from vgpipe.executor.progress import Progress

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
STEPS, DENOISE_S, DECODE_S, EXPORT_S = 8, 10.0, 2.0, 0.5
UNLIKE = [3.0] * 4 + [1.0] * 8 + [0.5] * 4
JOBS = {
    "10 clips, 1 worker": ([1.0], [1.0] * 10),
    "11 clips, 2 workers": ([1.0] * 2, [1.0] * 11),
    "24 clips, 2 workers, one 3 times as fast": ([1.5, 0.5], [1.0] * 24),
    "20 clips, 16 workers": ([1.0] * 16, [1.0] * 20),
    "200 clips of 1 to 2 lengths, 16 unlike workers": (UNLIKE, [1 + number / 200 for number in range(200)]),
    "1000 clips of 1 to 3 lengths, 64 workers": ([1.0] * 64, [1 + number / 500 for number in range(1000)]),
}


class Simulation:
    """Clips of a job on workers.

    Args:
        speeds: of each worker.
        sizes: of each clip.
    """

    def __init__(self, speeds: Sequence[float], sizes: Sequence[float]):
        self.now_s = 0.0
        self.shown: list[tuple[float, float | None]] = []
        self._speeds = {f"worker-{number}": speed for number, speed in enumerate(speeds)}
        self._clips = sorted(((str(clip), size) for clip, size in enumerate(sizes)), key=lambda one: -one[1])
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._random = random.Random(0)
        mean = sum(sizes) / len(sizes)
        relative = {clip: size / mean for clip, size in self._clips}
        self._progress = Progress(
            {"encode": 0, "denoise": len(sizes), "decode": len(sizes), "export": len(sizes)},
            clips=len(sizes),
            done=0,
            on_progress=lambda state: self.shown.append((self.now_s, state.eta_s)),
            sizes=PieceSizes({"denoise": relative, "decode": relative}),
        )

    def run(self) -> None:
        """Makes all clips."""
        for worker in self._speeds:
            self._progress.worker_joined(worker, "simulated")
            self._take(worker)
        while self._queue:
            self.now_s, _, happens = heapq.heappop(self._queue)
            happens()

    def _after(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now_s + seconds, next(self._order), happens))

    def _take(self, worker: str) -> None:
        if not self._clips:
            self._progress.begin("", worker=worker)
            return
        clip, size = self._clips.pop(0)
        self._progress.begin("denoise", clip, worker=worker)
        scale = size * self._random.uniform(0.95, 1.05) / self._speeds[worker]
        for step in range(1, STEPS + 1):
            self._after(DENOISE_S * scale * step / STEPS, partial(self._progress.step, step, STEPS, worker=worker))
        self._after(DENOISE_S * scale, partial(self._denoised, worker, clip, scale))

    def _denoised(self, worker: str, clip: str, scale: float) -> None:
        self._progress.advance("denoise", DENOISE_S * scale, clip, worker=worker)
        self._progress.begin("decode", clip, worker=worker)
        self._after(DECODE_S * scale, partial(self._decoded, worker, clip, scale))

    def _decoded(self, worker: str, clip: str, scale: float) -> None:
        self._progress.advance("decode", DECODE_S * scale, clip, worker=worker)
        self._after(EXPORT_S, partial(self._exported, worker, clip))
        self._take(worker)

    def _exported(self, worker: str, clip: str) -> None:
        self._progress.clip_done()
        self._progress.advance("export", EXPORT_S, clip, worker=worker)

    def at(self, share: float) -> str:
        """Returns the time left that was shown at a share of the time, over the real one."""
        at_s, left_s = max((one for one in self.shown if one[0] <= share * self.now_s), key=lambda one: one[0])
        return "-" if left_s is None else f"{left_s / (self.now_s - at_s):.2f}"


def main() -> None:
    """Prints a table."""
    print("| job | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |")
    print("| --- |" + " --- |" * len(SHARES))
    for name, (speeds, sizes) in JOBS.items():
        simulated = Simulation(speeds, sizes)
        with mock.patch("time.monotonic", lambda simulated=simulated: simulated.now_s):
            simulated.run()
        print(f"| {name} | " + " | ".join(simulated.at(share) for share in SHARES) + " |")


if __name__ == "__main__":
    main()
