"""Measures the checks of decoded frames: false alarms over good clips, what is found of broken ones, milliseconds.

Good clips come from the embedded model (many sizes, lengths and numbers of steps, canaries among them), from ffmpeg's
test sources, and are drawn like what people film; broken ones are good ones with a fault laid over them, and clips of
the embedded model with a broken part. Every broken clip is judged twice: as decoded, and after H.264.

    python benchmarks/checks.py [--material test] [--embedded 230] [--each 10] [--faults 22] [--pictures FILE.png]

`--material tune` makes the clips that the limits were chosen by first, `test` those that they were then moved by,
`fresh` others, by which none was moved. It takes some 10 minutes of one core. Found: docs/checks.md.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import checks_model
import checks_natural
import numpy as np
import torch
from checks_clip import Made, through_h264
from checks_faults import faulty, is_base
from contact_sheet import strip
from PIL import Image

from vgpipe.config.load import load
from vgpipe.quality.base import Wanted
from vgpipe.quality.checking import Expected, FrameChecks, judge
from vgpipe.quality.frame_view import FrameView
from vgpipe.quality.registry import CHECKS
from vgpipe.quality.stillness import wants_stillness
from vgpipe.quality.verdict import Result, Verdict

SEEDS = {"tune": 0, "test": 400_000, "fresh": 800_000}
FPS = 16
SHOWN = 12
TIMED = ((64, 64, 17), (128, 128, 17), (832, 480, 81), (1280, 720, 121))
LIMITS = load(["checks=standard"]).checks.limits


@dataclass(frozen=True)
class Judged:
    """A clip, without its frames, and what the checks say of it."""

    clip: Made
    numbers: dict[str, float]
    verdicts: tuple[Verdict, ...]

    def beyond(self) -> set[str]:
        """Returns the checks whose limit it passes."""
        return {one.check for one in self.verdicts if one.result is not Result.PASSED}

    def failed(self) -> set[str]:
        """Returns the checks that reject it."""
        return {one.check for one in self.verdicts if one.result is Result.FAILED}


def judged(clip: Made) -> Judged:
    checks = FrameChecks(FPS, Expected(*clip.size))
    for frame_HWC in clip.frames_THWC:
        checks.add(frame_HWC)
    numbers = checks.numbers()
    still = wants_stillness(clip.prompt)
    verdicts = judge(numbers, LIMITS, is_canary=clip.is_canary, wants_stillness=still)
    few = clip.frames_THWC[:: max(1, len(clip.frames_THWC) // 6)].copy()
    return Judged(Made(clip.name, clip.kind, few, clip.prompt, clip.is_canary, clip.expects), numbers, verdicts)


def good_clips(options: argparse.Namespace, seed: int) -> Iterator[Made]:
    yield from checks_natural.synthetic(options.each, seed)
    yield from checks_natural.of_ffmpeg(4, seed % 97)
    yield from checks_model.good(options.embedded, seed)


def faulty_clips(options: argparse.Namespace, bases: list[Made], seed: int) -> Iterator[Made]:
    for clip in (*faulty(bases, options.faults, seed), *checks_model.broken(6, seed + 5000)):
        yield clip
        yield through_h264(clip)


def milliseconds(size: tuple[int, int, int]) -> dict[str, float]:
    """Returns check -> milliseconds of processor time for one clip, measured alone; `all` for all together."""
    width, height, count = size
    seed = np.random.default_rng(1).integers(0, 255, (count, height // 8, width // 8, 3)).astype(np.uint8)
    frames_THWC = seed.repeat(8, 1).repeat(8, 2)
    repeats = max(1, 60 // count)
    found = {}
    for name in ("all", *(check.name for check in CHECKS)):
        started = time.process_time()
        for _ in range(repeats):
            checks = [check(Wanted(FPS, None)) for check in CHECKS if name in ("all", check.name)]
            before = None
            for index, frame_HWC in enumerate(frames_THWC):
                view = FrameView(frame_HWC, index, before)
                for check in checks:
                    check.add(view)
                view.previous, before = None, view
            for check in checks:
                check.number()
        found[name] = (time.process_time() - started) / repeats * 1e3
    return found


def show_checks(good: list[Judged], bad: list[Judged], cost: dict[str, float]) -> None:
    print("\n| check | bad | limit | false alarms | nearest good | found raw | found after H.264 | nearest bad | ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for check in CHECKS:
        name, is_above = check.name, check.bad.value == "above"
        able = [one for one in good if any(verdict.check == name for verdict in one.verdicts)]
        of = [one for one in bad if one.clip.expects[:1] == (name,) and name in one.numbers]
        raw, packed = (
            [one for one in of if one.clip.name.endswith("-h264") is is_packed] for is_packed in (False, True)
        )
        hits = [f"{sum(name in one.beyond() for one in some)} of {len(some)}" for some in (raw, packed)]
        nearest = (max if is_above else min)((one.numbers[name] for one in able), default=0)
        nearest_bad = (min if is_above else max)((one.numbers[name] for one in of), default=0)
        false = f"{sum(name in one.beyond() for one in able)} of {len(able)}"
        row = [name, check.bad.value, LIMITS[name].limit, false, f"{nearest:.2f}", *hits, f"{nearest_bad:.2f}"]
        print(f"| {' | '.join(map(str, row))} | {cost[name]:.1f} |")


def show_kinds(bad: list[Judged]) -> None:
    rows: dict[str, list[Judged]] = defaultdict(list)
    for one in bad:
        rows[one.clip.kind].append(one)
    print("\n| fault | found raw | found after H.264 | by another check |\n| --- | --- | --- | --- |")
    for kind, some in rows.items():
        hits = []
        for is_packed in (False, True):
            part = [one for one in some if one.clip.name.endswith("-h264") is is_packed]
            hits.append(f"{sum(bool(one.beyond() & set(one.clip.expects)) for one in part)} of {len(part)}")
        other = sum(bool(one.beyond()) and not one.beyond() & set(one.clip.expects) for one in some)
        print(f"| {kind} | {hits[0]} | {hits[1]} | {other} |")


def picture(some: list[Judged], path: Path) -> None:
    """Draws clips as strips, so that one can see what was judged wrongly."""
    strips = [
        strip(list(one.clip.frames_THWC), f"{one.clip.name} {sorted(one.beyond())}", 3, 2) for one in some[:SHOWN]
    ]
    if not strips:
        return
    sheet = Image.new("RGB", (max(one.width for one in strips), sum(one.height for one in strips)), "white")
    top = 0
    for one in strips:
        sheet.paste(one, (0, top))
        top += one.height
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", choices=SEEDS, default="test")
    parser.add_argument("--embedded", type=int, default=230, help="clips of the embedded model")
    parser.add_argument("--each", type=int, default=10, help="drawn clips of each kind of scene")
    parser.add_argument("--faults", type=int, default=22, help="broken clips of each kind")
    parser.add_argument("--pictures", type=Path, help="a sheet of false alarms and misses")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seed, good, bases = SEEDS[options.material], [], []
    for clip in good_clips(options, seed):
        good.append(judged(clip))
        if is_base(clip):
            bases.append(clip)
    bad = [judged(clip) for clip in faulty_clips(options, bases, seed)]
    false = [one for one in good if one.failed()]
    missed = [one for one in bad if not one.beyond()]
    canaries = sum(one.clip.is_canary for one in good)
    print(f"{len(good)} good clips, {canaries} of them canaries: {len(false)} rejected")
    for one in false:
        print(f"  {one.clip.name}: {[(name, one.numbers[name]) for name in sorted(one.failed())]}")
    print(f"{len(bad) // 2} broken clips, each also after H.264: {len(missed)} missed")
    for one in missed:
        print(f"  {one.clip.name}: {[(name, one.numbers.get(name)) for name in one.clip.expects]}")
    costs = {size: milliseconds(size) for size in TIMED}
    show_checks(good, bad, costs[TIMED[0]])
    show_kinds(bad)
    print("\n| clip | all checks, ms |\n| --- | --- |")
    for (width, height, count), cost in costs.items():
        print(f"| {width}x{height}, {count} frames | {cost['all']:.0f} |")
    if options.pictures:
        picture([*false, *missed], options.pictures)


if __name__ == "__main__":
    main()
