"""Runs one stage over the clips of a wave: what is in the store is skipped, what fails takes only its clip along."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipWork, State
from vgpipe.errors import Stopped
from vgpipe.executor.progress import Progress
from vgpipe.executor.stage_inputs import (
    conditions,
    denoised_clip,
    leave_tail,
    needed,
    seam_of,
    texts_of,
    windows_of,
)
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.memory.budget import enforced
from vgpipe.memory.out_of_memory import drop_traceback_locals
from vgpipe.memory.residency import Residency, Take
from vgpipe.memory.tracker import measured
from vgpipe.models.base import Family
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

if TYPE_CHECKING:
    from vgpipe.stages.denoise import Watch

log = logging.getLogger(__name__)

Make = Callable[[ClipWork, Take[Family]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRuns:
    """The three stages that use the model.

    Attributes:
        store: where artifacts are.
        model: names artifacts; knows the family.
        residency: hands out loaded components.
        memory: knows what to do when memory runs out.
        progress: told of every finished piece.
        should_stop: asked between pieces and after every denoising step.
        fail: takes a clip out of the run, with the stage and the reason.
        event: appends to the run's events.
        device: where the model's arithmetic happens.
        memory_limit_gb: the most of its memory that may be used, GiB; None: all.
        checkpoint_steps: steps between checkpoints, at least.
        checkpoint_interval_s: seconds between checkpoints, at least.
    """

    store: Store
    model: KeyMaker
    residency: Residency[Family]
    memory: MemoryLadder
    progress: Progress
    should_stop: Callable[[], bool]
    fail: Callable[[ClipWork, str, Exception], None]
    event: Callable[..., None]
    device: str
    memory_limit_gb: float | None
    checkpoint_steps: int
    checkpoint_interval_s: float

    def encode(self, wave: Iterable[ClipWork]) -> None:
        """Encodes every distinct text of the wave that is not in the store."""
        missing = [work for work in wave if not self.has_latents(work)]
        with self.residency.stage(ENCODE) as take:
            for work in self._open(missing, ENCODE):
                self._make(work, ENCODE, self._encode, take)

    def denoise(self, wave: Iterable[ClipWork]) -> None:
        """Denoises every clip of the wave whose latents are not in the store.

        Raises:
            Stopped: in the middle of a clip, whose checkpoint is then on the disk.
        """
        with self.residency.stage(DENOISE) as take:
            for work in self._open(wave, DENOISE):
                if self.has_latents(work):  # asked now: clips that differ only in fps share latents
                    continue
                dead = self.residency.failure(self.model.family.decode_parts)
                if dead is not None:  # hours of denoising for nothing
                    self.fail(work, DECODE, dead)
                    continue
                self._make(work, DENOISE, self._denoise, take)

    def decode(self, wave: Iterable[ClipWork], then: Callable[[ClipWork], None]) -> None:
        """Decodes every clip of the wave whose frames are not in the store, and hands each that is whole to `then`."""
        with self.residency.stage(DECODE) as take:
            for work in self._open(wave, DECODE):
                latents = work.keys.latents
                self._make(work, DECODE, self._decode, take)
                if work.owner.state is State.PENDING and work.keys.latents == latents and work.is_last:
                    then(work.owner)

    def _make(self, work: ClipWork, stage: str, make: Make, take: Take[Family]) -> None:
        """Makes one clip's artifact of a stage; where memory runs out, on the next rung, until it fits or fails."""
        latents = work.keys.latents
        self.memory.fit(work, stage)
        if work.is_stale or (stage == DECODE and work.keys.latents != latents):
            return  # a smaller clip, which has to be denoised first, in a later pass
        while (failure := self._failure(work, stage, make, take)) is not None:
            rung = self.memory.climb(work, stage, failure)
            if rung is None:
                self.fail(work, stage, failure)
                return
            self.residency.change(stage, rung.strategy)
            if work.is_stale or (stage == DECODE and work.keys.latents != latents):
                return
        self.memory.proved(work, stage)

    def _failure(self, work: ClipWork, stage: str, make: Make, take: Take[Family]) -> Exception | None:
        """Returns why one clip could not be made; None where it was."""
        failure = None
        with measured(self.device) as peak, enforced(self.device, self.memory_limit_gb):
            try:
                make(work, take)
            except Stopped:
                work.owner.state = State.STOPPED
                raise
            except Exception as error:  # one bad clip never stops the others
                drop_traceback_locals(error)
                failure = error
        work.note_peak(stage, peak)
        self.event("stage_peak", stage=stage, clip=work.clip.id, ram_gb=peak.ram_gb, device_gb=peak.device_gb)
        return failure

    def _encode(self, work: ClipWork, take: Take[Family]) -> None:
        from vgpipe.stages import encode

        family = self._family(work, ENCODE)
        for key, text in texts_of(work):
            if self.store.find(key) is not None:
                continue
            loaded = take(family, family.encode_parts)
            artifact = encode.run(self.store, key, family=family, parts=loaded, text=text)
            self._account(work, ENCODE, artifact, name=f"text {key.digest[:8]}")

    def _denoise(self, work: ClipWork, take: Take[Family]) -> None:
        from vgpipe.stages import denoise, encode

        family = self._family(work, DENOISE)
        if self.has_latents(work):
            return
        given_NHWC = conditions(self.store, work)
        from_image = work.clip.image is not None or given_NHWC is not None
        keys = work.keys
        artifact = denoise.run(
            self.store,
            keys.latents,
            denoised_clip(work),
            family=family,
            parts=take(family, family.denoise_parts(from_image=from_image)),
            embeds=encode.read(needed(self.store, keys.prompt)),
            negative_embeds=encode.read(needed(self.store, keys.negative)) if keys.negative else None,
            device=self.device,
            watch=self._watch(work),
            given_NHWC=given_NHWC,
            windows=windows_of(self.store, work),
        )
        self._account(work, DENOISE, artifact)

    def _decode(self, work: ClipWork, take: Take[Family]) -> None:
        from vgpipe.stages import decode, denoise

        family = self._family(work, DECODE)
        if (made := self.store.find(work.keys.frames)) is not None:
            leave_tail(self.store, work, made)
            return
        segment = work.segment
        artifact = decode.run(
            self.store,
            work.keys.frames,
            work.clip,
            family=family,
            parts=take(family, family.decode_parts),
            denoised=denoise.read(needed(self.store, work.keys.latents)),
            trajectory=segment.trajectory if segment else None,
            seam=seam_of(self.store, work),
        )
        leave_tail(self.store, work, artifact)
        self._account(work, DECODE, artifact)

    def _family(self, work: ClipWork, stage: str) -> Family:
        return work.families.get(stage, self.model.family)

    def has_latents(self, work: ClipWork) -> bool:
        """Says whether nothing before decode is left to do for a clip."""
        return any(self.store.find(key) is not None for key in (work.keys.frames, work.keys.latents))

    def _open(self, wave: Iterable[ClipWork], stage: str) -> Iterator[ClipWork]:
        """Yields the clips that are still to do, stopping where asked to."""
        for work in wave:
            if self.should_stop():
                raise Stopped(f"stopped before {stage} of {work.clip.id}")
            if work.owner.state is State.PENDING and not work.is_stale:
                yield work

    def _account(self, work: ClipWork, stage: str, artifact: Artifact | None, name: str = "") -> None:
        seconds = float(artifact.info["seconds"]) if artifact else 0.0
        for one in filter(None, (work, work.whole)):
            one.seconds[stage] = round(one.seconds.get(stage, 0.0) + seconds, 4)
        self.event("stage_done", stage=stage, clip=work.clip.id, seconds=seconds)
        self.progress.advance(stage, seconds, name or work.clip.id, typical_s(work, stage, seconds))

    def _watch(self, work: ClipWork) -> Watch:
        from vgpipe.stages.denoise import Watch

        total = work.clip.num_inference_steps
        return Watch(
            checkpoint_steps=self.checkpoint_steps,
            checkpoint_interval_s=self.checkpoint_interval_s,
            should_stop=self.should_stop,
            on_step=lambda done: self.progress.step(work.clip.id, done, total),
        )


def typical_s(work: ClipWork, stage: str, seconds: float) -> float:
    """Returns what a piece takes for an ordinary clip: a canary's denoising is scaled to all the steps."""
    if stage != DENOISE or work.stands_for_steps is None:
        return seconds
    return seconds * work.stands_for_steps / work.clip.num_inference_steps
