"""Finds the number of CPU threads that denoises a small model fastest: more are often slower, as each operation waits.

A trial decides, and only where it proves that the latents keep their bits. Decoding keeps all threads: the bits of its
convolutions do change with the thread count (seen with torch 2.13 on the embedded model).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.executor.stage_inputs import texts_of
from vgpipe.executor.thread_trial import ThreadTrial
from vgpipe.memory.residency import Residency, Take
from vgpipe.models.base import Family
from vgpipe.vocabulary import DENOISE

log = logging.getLogger(__name__)

CLEARLY_FASTER = 0.9


@dataclass(frozen=True, slots=True)
class ThreadTuning:
    """Tries thread counts on clips of a few steps, and stores nothing.

    Attributes:
        trial: which clips, and what is known of them; its model's family drives the model.
        residency: hands out loaded components.
    """

    trial: ThreadTrial
    residency: Residency[Family]

    def fastest_threads(self, states: Sequence[ClipState]) -> int | None:
        """Returns the best number of threads for denoising; None keeps all, also where a trial would take too long."""
        pending = [state for state in states if state.is_pending]
        tried = self.trial.clips(pending)
        if not tried or not self.residency.keeps_all:
            return None
        known = self.trial.past.threads(tried)
        if known is not None:
            log.info("denoising with %d threads, which a trial of this model on this machine found before", known)
            return known
        seconds = self.seconds(tried) if self.trial.is_short(pending) else {}
        return _logged(seconds, fastest_of(seconds)) if seconds else None

    def seconds(self, tried: Sequence[CanaryState]) -> Mapping[int, float]:
        """Makes a trial, and remembers what it found.

        Args:
            tried: one clip of each shape.

        Returns:
            Thread count -> seconds, of those that give the same bits as all threads; empty where no trial is possible.
        """
        if not tried or not self.residency.keeps_all:
            return {}
        try:
            seconds = seconds_by_count(lambda: self._digest(tried))
        except Exception as error:  # the clip itself reports it
            log.debug("no trial of thread counts: %s", error)
            return {}
        self.trial.past.remember_threads(tried, fastest_of(seconds), seconds)
        return seconds

    def _digest(self, states: Iterable[ClipState]) -> str:
        """Encodes and denoises clips, both stages' components loaded at once; returns a digest of their latents."""
        digest = hashlib.sha256()
        with self.residency.stage(DENOISE) as take:
            for state in states:
                digest.update(self._latents(state.segments[0], take))
        return digest.hexdigest()

    def _latents(self, segment: SegmentState, take: Take[Family]) -> bytes:
        import torch

        from vgpipe.models.resumable import ResumableScheduler
        from vgpipe.stages.denoise_run import request_for
        from vgpipe.stages.images import given_frames

        family, clip = self.trial.keys.model.family, segment.clip
        embeds = [family.encode(take(family, family.encode_components), text) for _, text in texts_of(segment)]
        request = request_for(
            clip,
            embeds=embeds[0],
            negative_embeds=embeds[1] if len(embeds) > 1 else None,
            generator=torch.Generator("cpu").manual_seed(clip.seed),
            latents=None,
            given=given_frames(clip),
            on_step_end=lambda _steps, _latents: None,
        )
        loaded = take(family, family.denoise_components(from_image=clip.is_given_frames))
        latents = family.denoise(loaded, ResumableScheduler(family.scheduler()), request)
        return latents.float().numpy().tobytes()


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Uses `count` CPU threads inside the block; None leaves their number as it is."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seconds_by_count(trial: Callable[[], str]) -> dict[int, float]:
    """Tries numbers of threads.

    Args:
        trial: does a small but typical piece of work and returns a digest of its results.

    Returns:
        Thread count -> seconds: the current number, and those below that give the same bits.
    """
    import torch

    before = torch.get_num_threads()
    trial()  # the first run also warms up
    reference, reference_s = _timed(trial)
    found = {before: reference_s}
    for count in sorted({1, before // 4, before // 2} - {0, before}):
        with threads(count):
            digest, seconds = _timed(trial)
        if digest == reference:
            found[count] = seconds
    return found


def fastest_of(seconds: Mapping[int, float]) -> int:
    """Returns the thread count that is clearly the fastest; the largest, with which the trial began, without one.

    Args:
        seconds: thread count -> seconds, of those that give the same bits; not empty.
    """
    before = max(seconds)
    best = min(seconds, key=lambda count: seconds[count])
    return best if seconds[best] < seconds[before] * CLEARLY_FASTER else before


def _logged(seconds: Mapping[int, float], best: int) -> int:
    before = max(seconds)
    if best != before:
        gain = seconds[before] / seconds[best]
        log.info("denoising with %d of %d threads: %.1f times as fast, same bits", best, before, gain)
    return best


def _timed(trial: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    digest = trial()
    return digest, time.monotonic() - started
