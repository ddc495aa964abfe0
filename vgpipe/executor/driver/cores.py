"""How the workers of a run share the cores of a CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.driver.crew import CrewSettings
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.thread_trial import ThreadTrial
from vgpipe.plans.core_share import Share, best_share, fair_threads
from vgpipe.units import counted

log = logging.getLogger(__name__)


def shared_cores(
    inputs: ExecutorInputs,
    given: CrewSettings,
    pending: Sequence[ClipState],
    past: PastTrials,
    try_threads: Callable[[Sequence[ClipState]], Mapping[int, float]],
) -> Share | None:
    """Returns how many workers make the most clips, and with how many threads each; None where nothing tells.

    Args:
        inputs: what the executor was given.
        given: how many workers there may be, and whether that is open.
        pending: the clips to make.
        past: what earlier runs found.
        try_threads: has a worker denoise clips with each thread count; returns the seconds of those that keep the bits.
    """
    if inputs.config.hardware.threads:
        return None
    trial = ThreadTrial(inputs.keys, inputs.finished.store, inputs.config.executor.canary_steps, past)
    tried = trial.clips(pending)
    seconds = trial.known_seconds(tried) if tried else {}
    if tried and not seconds and trial.is_short(pending):
        seconds = try_threads(tried)
    threads = fair_threads(seconds, given.cpu_share or given.most)
    if threads is None:
        return None
    share = best_share(seconds, given.most) if given.needs_trial else Share(given.most, threads)
    workers = min(share.workers, len(given.pool.slots()))
    log.info("%s, each denoising with %s", counted(workers, "worker"), counted(share.threads, "thread"))
    return share
