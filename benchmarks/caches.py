"""Where diffusers' step caches act, do nothing, are wrong or raise, on the tiny checkpoint of each model.

    python -m benchmarks.caches            # the table of docs/caches.md, about two minutes on one core
    python -m benchmarks.caches resume [wan ...]  # stops and drafts at every step, with every cache that works

Each cache is turned on without asking vgpipe's own list (`models/caches/support.py`), for a clip made at once and for
one in windows. `acts`: some calls of the denoiser are skipped, the latents differ, and a skipped call whose input is
that of the call before gives what that one gave; `wrong`: it gives something else, by the share that is printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests import tiny
from tests.models.caches.clip_runs import CACHES, ClipRun, with_cache
from tests.models.driven import Case, Driven, drive
from tests.models.long_clips import SETUPS, Setup
from vgpipe.models.base import Family
from vgpipe.models.caches.choice import StepCache
from vgpipe.models.caches.hooks import caching
from vgpipe.models.caches.memory import CacheMemory
from vgpipe.models.caches.support import obstacle
from vgpipe.models.open import Origin
from vgpipe.models.resumable import ResumableScheduler

STEPS = 8
CLOSE = 1e-5
MUCH = {"threshold": 1e9}


def opened(setup: Setup, folder: Path) -> Driven:
    """Builds and opens a tiny checkpoint."""
    tiny.build(setup.option, folder)
    others = {"motion_adapter": Origin(str(folder / "adapter"))} if setup.family == "animatediff" else None
    return drive(setup.family, folder, setup.settings, others)


def verdict(driven: Driven, case: Case, cache: StepCache, plain: torch.Tensor, folder: Path) -> str:
    """Returns what a cache does to a clip."""
    run = ClipRun(with_cache(driven, cache), case, folder)
    try:
        latents = run.latents()
        error = _reuse_error(driven, case, cache)
    except (ValueError, IndexError, RuntimeError, TypeError) as problem:
        return f"raises {type(problem).__name__}"
    if torch.equal(latents, plain) or not run.skipped:
        return "does nothing"
    share = f"{run.skipped:.0%} skipped"
    return f"acts, {share}" if error < CLOSE else f"wrong by {error:.0%}, {share}"


def _reuse_error(driven: Driven, case: Case, cache: StepCache) -> float:
    """Returns how far a skipped call is from a computed one with the same input, relative to what that gives."""
    family: Family = driven.family
    loaded = driven.of(family.denoise_components(from_image=case.frames_NHWC is not None))
    module = loaded[driven.family.denoisers[0]]
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    hook = module.register_forward_pre_hook(lambda _m, args, kwargs: calls.append((args, kwargs)), with_kwargs=True)
    driven.latents(case)
    hook.remove()
    args, kwargs = calls[0]
    scheduler = family.scheduler()
    scheduler.set_timesteps(STEPS, **({"mu": 1.0} if scheduler.config.get("use_dynamic_shifting") else {}))
    resumable, memory, worst = ResumableScheduler(scheduler), CacheMemory(), 0.0
    bold = replace(cache, **MUCH) if cache.interval is None else cache
    with torch.no_grad():
        wanted = module(*args, **kwargs)[0]
        with caching(bold, {"one": module}, resumable, memory, num_inference_steps=STEPS):
            for _ in range(STEPS - 2):
                with module.cache_context("cond"):
                    given = module(*args, **kwargs)[0]
                worst = max(worst, float((given - wanted).norm() / wanted.norm()))
                resumable._steps += 1
    return worst


def table() -> None:
    """Prints a row for each checkpoint and way to make a clip."""
    print(f"| clip | {' | '.join(CACHES)} |\n| --- |{' --- |' * len(CACHES)}")
    for name, setup in SETUPS.items():
        with tempfile.TemporaryDirectory() as folder:
            driven = opened(setup, Path(folder) / "model")
            for how, case in (("", replace(setup.case, window=None, num_frames=17)), (", in windows", setup.case)):
                case = replace(case, num_inference_steps=STEPS)
                plain, _ = driven.latents(case)
                told = [
                    verdict(driven, case, cache, plain, Path(folder) / f"{kind}{how}") for kind, cache in CACHES.items()
                ]
                print(f"| {name}{how} | {' | '.join(told)} |", flush=True)


def resume(names: Sequence[str]) -> None:
    """Stops each clip at every step, and drafts it at every step, and resumes; prints whether all bits are the same."""
    for name, setup in ((name, SETUPS[name]) for name in names or SETUPS):
        with tempfile.TemporaryDirectory() as folder:
            driven = opened(setup, Path(folder) / "model")
            case = replace(setup.case, window=None, num_frames=9, num_inference_steps=STEPS)
            denoisers = driven.family.present(driven.family.denoisers)
            for kind, cache in CACHES.items():
                if obstacle(driven.family.checkpoint, cache, denoisers) is not None:
                    continue
                one = with_cache(driven, cache)
                whole = ClipRun(one, case, Path(folder) / kind).latents()
                same = [_same(one, case, Path(folder) / f"{kind}{step}", step, whole) for step in range(1, STEPS)]
                print(f"{name} {kind}: {sum(same)} of {len(same)} steps give the same bits", flush=True)


def _same(driven: Driven, case: Case, folder: Path, step: int, whole: torch.Tensor) -> bool:
    stopped, drafted = ClipRun(driven, case, folder / "stopped"), ClipRun(driven, case, folder / "drafted")
    stopped.until(step)
    drafted.draft(step)
    return torch.equal(stopped.latents(), whole) and torch.equal(drafted.latents(), whole)


if __name__ == "__main__":
    torch.set_num_threads(1)
    resume(sys.argv[2:]) if sys.argv[1:2] == ["resume"] else table()
