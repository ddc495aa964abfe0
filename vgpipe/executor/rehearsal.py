"""Rehearses which number of threads denoises fastest to the same bits, on a CPU."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vgpipe.executor.names import Names
from vgpipe.executor.segment_inputs import texts_of
from vgpipe.executor.threads import MAX_REHEARSAL_S, REHEARSAL_STEPS, WORTHWHILE_CLIPS, fastest
from vgpipe.executor.waves import canaries
from vgpipe.executor.work import ClipWork, State
from vgpipe.memory.residency import Parts, Residency
from vgpipe.stages.keys import DENOISE
from vgpipe.store.artifacts import Store

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
    residency: Residency
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
        with self.residency.stage(DENOISE) as parts:
            for work in works:
                digest.update(self._latents(work, parts))
        return digest.hexdigest()

    def _latents(self, work: ClipWork, parts: Parts) -> bytes:
        import torch

        from vgpipe.models.resumable import ResumableScheduler
        from vgpipe.stages.denoise import request_for
        from vgpipe.stages.images import first_frames

        family, clip = self.names.model.family, work.clip
        embeds = [family.encode(parts(family.encode_parts), text) for _, text in texts_of(work)]
        request = request_for(
            clip,
            embeds=embeds[0],
            negative_embeds=embeds[1] if len(embeds) > 1 else None,
            generator=torch.Generator("cpu").manual_seed(clip.seed),
            latents=None,
            frames_NHWC=first_frames(clip),
            on_step_end=lambda _steps, _latents: None,
        )
        loaded = parts(family.denoise_parts(from_image=clip.image is not None))
        latents = family.denoise(loaded, ResumableScheduler(family.scheduler()), request)
        return latents.float().numpy().tobytes()
