"""Rehearses which number of threads denoises fastest to the same bits, on a CPU."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vgpipe.clips.artifact_keys import Names
from vgpipe.clips.clip_state import ClipWork, State
from vgpipe.executor.stage_inputs import texts_of
from vgpipe.executor.waves import canaries
from vgpipe.memory.residency import Residency, Take
from vgpipe.models.base import Family
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DENOISE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Tries thread counts on clips of a few steps, and stores nothing.

    Attributes:
        names: names the canaries, whose seconds say whether it is worthwhile; knows the family.
        residency: hands out loaded components.
        store: where the canaries' latents are.
        canary_steps: denoising steps of a canary.
    """

    names: Names
    residency: Residency[Family]
    store: Store
    canary_steps: int

    def fastest_threads(self, pending: Sequence[ClipWork]) -> int | None:
        """Returns the best number of threads for denoising; None keeps all, also where it would not be worthwhile."""
        clips = [work for work in pending if work.state is State.PENDING]
        left = [part for work in clips for part in work.segments if part.before is None]
        if len(left) < WORTHWHILE_CLIPS or not self.residency.keeps_all or not self._is_worthwhile(clips, left):
            return None
        try:
            return fastest(lambda: self._digest(canaries(left, REHEARSAL_STEPS, self.names.keys_of)))
        except Exception as error:  # what it stumbled over is told by the clip itself
            log.debug("no rehearsal: %s", error)
            return None

    def _is_worthwhile(self, clips: Sequence[ClipWork], left: Sequence[ClipWork]) -> bool:
        """Says whether it takes little time and proves every shape, on which it depends whether the bits are kept."""
        tried = [self.store.find(work.keys.latents) for work in canaries(left, self.canary_steps, self.names.keys_of)]
        took_s = sum(float(artifact.info["seconds"]) if artifact else MAX_REHEARSAL_S for artifact in tried)
        shapes = {work.shape for work in canaries(left, REHEARSAL_STEPS, self.names.keys_of)}
        is_proved = shapes == {part.shape for work in clips for part in work.segments}
        return is_proved and took_s * REHEARSAL_STEPS / self.canary_steps < MAX_REHEARSAL_S

    def _digest(self, works: Iterable[ClipWork]) -> str:
        """Encodes and denoises clips, both stages' components loaded at once; returns a digest of their latents."""
        digest = hashlib.sha256()
        with self.residency.stage(DENOISE) as take:
            for work in works:
                digest.update(self._latents(work, take))
        return digest.hexdigest()

    def _latents(self, work: ClipWork, take: Take[Family]) -> bytes:
        import torch

        from vgpipe.models.resumable import ResumableScheduler
        from vgpipe.stages.denoise import request_for
        from vgpipe.stages.images import first_frames

        family, clip = self.names.model.family, work.clip
        embeds = [family.encode(take(family, family.encode_parts), text) for _, text in texts_of(work)]
        request = request_for(
            clip,
            embeds=embeds[0],
            negative_embeds=embeds[1] if len(embeds) > 1 else None,
            generator=torch.Generator("cpu").manual_seed(clip.seed),
            latents=None,
            frames_NHWC=first_frames(clip),
            on_step_end=lambda _steps, _latents: None,
        )
        loaded = take(family, family.denoise_parts(from_image=clip.image is not None))
        latents = family.denoise(loaded, ResumableScheduler(family.scheduler()), request)
        return latents.float().numpy().tobytes()


WORTHWHILE_CLIPS = 8
MAX_REHEARSAL_S = 5.0
REHEARSAL_STEPS = 8
CLEARLY_FASTER = 0.9


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Uses `count` CPU threads inside the block (None: as many as before); what it changes is changed back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fastest(rehearse: Callable[[], str]) -> int:
    """Finds the thread count that is clearly fastest among those that give the same bits as all threads.

    Args:
        rehearse: does a small but typical piece of work and returns a digest of its results.

    Returns:
        The thread count; the one in force where none is clearly better.
    """
    import torch

    everyone = torch.get_num_threads()
    rehearse()  # the first run also warms up
    reference, reference_s = _timed(rehearse)
    best, best_s = everyone, reference_s * CLEARLY_FASTER
    for count in sorted({1, everyone // 2} - {0, everyone}):
        with threads(count):
            digest, seconds = _timed(rehearse)
        if digest == reference and seconds < best_s:
            best, best_s = count, seconds
    if best != everyone:
        log.info("denoising with %d of %d threads: %.1f times as fast, same bits", best, everyone, reference_s / best_s)
    return best


def _timed(rehearse: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    digest = rehearse()
    return digest, time.monotonic() - started
