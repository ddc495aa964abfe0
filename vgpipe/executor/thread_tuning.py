"""Finds the number of CPU threads that denoises a small model fastest: more are often slower, as each operation waits.

A trial decides, and only where it proves that the latents keep their bits. Decoding keeps all threads: the bits of its
convolutions do change with the thread count (seen with torch 2.13 on the embedded model).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.stage_inputs import texts_of
from vgpipe.executor.waves import canaries, startable
from vgpipe.memory.residency import Residency, Take
from vgpipe.models.base import Family
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DENOISE

log = logging.getLogger(__name__)

MIN_CLIPS = 8
MAX_TRIAL_S = 5.0
TRIAL_STEPS = 8
CLEARLY_FASTER = 0.9


@dataclass(frozen=True, slots=True)
class ThreadTuning:
    """Tries thread counts on clips of a few steps, and stores nothing.

    Attributes:
        keys: computes the canaries' store keys; its model's family drives the model.
        residency: hands out loaded components.
        store: where the canaries' latents are; the seconds they took say whether a trial is worth its time.
        canary_steps: denoising steps of a canary.
        past: what earlier runs found.
    """

    keys: ArtifactKeys
    residency: Residency[Family]
    store: Store
    canary_steps: int
    past: PastTrials

    def fastest_threads(self, states: Sequence[ClipState]) -> int | None:
        """Returns the best number of threads for denoising; None keeps all, also where a trial would take too long."""
        pending = [state for state in states if state.is_pending]
        segments = startable(pending)
        if len(segments) < MIN_CLIPS or not self.residency.keeps_all:
            return None
        tried = canaries(segments, TRIAL_STEPS, self.keys)
        if not _covers_all(tried, pending):
            return None
        known = self.past.threads(tried)
        if known is not None:
            log.info("denoising with %d threads, which a trial of this model on this machine found before", known)
            return known
        if not self._is_short(segments):
            return None
        try:
            count = fastest(lambda: self._digest(tried))
        except Exception as error:  # the clip itself reports it
            log.debug("no trial of thread counts: %s", error)
            return None
        self.past.remember_threads(tried, count)
        return count

    def _is_short(self, segments: Sequence[SegmentState]) -> bool:
        took_s = sum(self._canary_s(state) for state in canaries(segments, self.canary_steps, self.keys))
        return took_s * TRIAL_STEPS / self.canary_steps < MAX_TRIAL_S

    def _canary_s(self, canary: CanaryState) -> float:
        """Returns the seconds that a canary took to denoise, in this run or an earlier one."""
        artifact = self.store.find(canary.keys.latents)
        if artifact is not None:
            return float(artifact.info["seconds"])
        seconds = self.past.canary_s(canary)
        return MAX_TRIAL_S if seconds is None else seconds

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
        from vgpipe.stages.denoise import request_for
        from vgpipe.stages.images import first_frames

        family, clip = self.keys.model.family, segment.clip
        embeds = [family.encode(take(family, family.encode_components), text) for _, text in texts_of(segment)]
        request = request_for(
            clip,
            embeds=embeds[0],
            negative_embeds=embeds[1] if len(embeds) > 1 else None,
            generator=torch.Generator("cpu").manual_seed(clip.seed),
            latents=None,
            frames_NHWC=first_frames(clip),
            on_step_end=lambda _steps, _latents: None,
        )
        loaded = take(family, family.denoise_components(from_image=clip.image is not None))
        latents = family.denoise(loaded, ResumableScheduler(family.scheduler()), request)
        return latents.float().numpy().tobytes()


def _covers_all(tried: Iterable[CanaryState], pending: Iterable[ClipState]) -> bool:
    """Says whether a trial covers every shape: whether bits are kept depends on the shape."""
    shapes = {state.segments[0].shape for state in tried}
    return shapes == {segment.shape for state in pending for segment in state.segments}


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


def fastest(trial: Callable[[], str]) -> int:
    """Finds the thread count that is clearly fastest among those that give the same bits as all threads.

    Args:
        trial: does a small but typical piece of work and returns a digest of its results.

    Returns:
        The thread count; the current one where no other is clearly faster.
    """
    import torch

    before = torch.get_num_threads()
    trial()  # the first run also warms up
    reference, reference_s = _timed(trial)
    best, best_s = before, reference_s * CLEARLY_FASTER
    for count in sorted({1, before // 2} - {0, before}):
        with threads(count):
            digest, seconds = _timed(trial)
        if digest == reference and seconds < best_s:
            best, best_s = count, seconds
    if best != before:
        log.info("denoising with %d of %d threads: %.1f times as fast, same bits", best, before, reference_s / best_s)
    return best


def _timed(trial: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    digest = trial()
    return digest, time.monotonic() - started
