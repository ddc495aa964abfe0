"""Runs one stage over the clips of a wave: what is in the store is skipped, what fails takes only its clip along."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import Stopped, StoreError
from vgpipe.executor.loader import Loader
from vgpipe.executor.memory_ladder import MemoryLadder
from vgpipe.executor.progress import Progress
from vgpipe.executor.work import ClipWork, State
from vgpipe.job.clip import Clip
from vgpipe.memory.budget import enforced
from vgpipe.memory.out_of_memory import let_go
from vgpipe.memory.residency import Parts, Residency
from vgpipe.memory.tracker import measured
from vgpipe.models.base import Family
from vgpipe.stages.keys import DECODE, DENOISE, ENCODE, KeyMaker
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.models.base import Windows
    from vgpipe.stages.denoise import Watch

log = logging.getLogger(__name__)

Make = Callable[[ClipWork, Parts], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRuns:
    """The three stages that use the model.

    Attributes:
        store: where artifacts are.
        model: names artifacts; knows the family.
        residency: hands out loaded components.
        loader: loads them.
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
    residency: Residency
    loader: Loader
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
        with self.residency.stage(ENCODE) as parts:
            for work in self._open(missing, ENCODE):
                self._make(work, ENCODE, self._encode, parts)

    def denoise(self, wave: Iterable[ClipWork]) -> None:
        """Denoises every clip of the wave whose latents are not in the store.

        Raises:
            Stopped: in the middle of a clip, whose checkpoint is then on the disk.
        """
        with self.residency.stage(DENOISE) as parts:
            for work in self._open(wave, DENOISE):
                if self.has_latents(work):  # asked now: clips that differ only in fps share latents
                    continue
                dead = self.residency.failure(self.model.family.decode_parts)
                if dead is not None:  # hours of denoising for nothing
                    self.fail(work, DECODE, dead)
                    continue
                self._make(work, DENOISE, self._denoise, parts)

    def decode(self, wave: Iterable[ClipWork], then: Callable[[ClipWork], None]) -> None:
        """Decodes every clip of the wave whose frames are not in the store, and hands each that is whole to `then`."""
        with self.residency.stage(DECODE) as parts:
            for work in self._open(wave, DECODE):
                latents = work.keys.latents
                self._make(work, DECODE, self._decode, parts)
                if work.owner.state is State.PENDING and work.keys.latents == latents and work.is_last:
                    then(work.owner)

    def _make(self, work: ClipWork, stage: str, make: Make, parts: Parts) -> None:
        """Makes one clip's artifact of a stage; where memory runs out, on the next rung, until it fits or fails."""
        latents = work.keys.latents
        self.memory.fit(work, stage)
        if stage == DECODE and work.keys.latents != latents:
            return  # a smaller clip, which has to be denoised first, in a later pass
        while (failure := self._failure(work, stage, make, parts)) is not None:
            rung = self.memory.climb(work, stage, failure)
            if rung is None:
                self.fail(work, stage, failure)
                return
            self.residency.change(stage, rung.strategy)
            if stage == DECODE and work.keys.latents != latents:
                return
        self.memory.proved(work, stage)

    def _failure(self, work: ClipWork, stage: str, make: Make, parts: Parts) -> Exception | None:
        """Returns why one clip could not be made; None where it was."""
        failure = None
        with measured(self.device) as peak, enforced(self.device, self.memory_limit_gb):
            try:
                make(work, parts)
            except Stopped:
                work.owner.state = State.STOPPED
                raise
            except Exception as error:  # one bad clip never stops the others
                let_go(error)
                failure = error
        work.note_peak(stage, peak)
        self.event("stage_peak", stage=stage, clip=work.clip.id, ram_gb=peak.ram_gb, device_gb=peak.device_gb)
        return failure

    def _encode(self, work: ClipWork, parts: Parts) -> None:
        from vgpipe.stages import encode

        family = self._family(work, ENCODE)
        for key, text in self._texts(work):
            if self.store.find(key) is not None:
                continue
            loaded = self._loaded(family, family.encode_parts, parts)
            artifact = encode.run(self.store, key, family=family, parts=loaded, text=text)
            self._account(work, ENCODE, artifact, name=f"text {key.digest[:8]}")

    def _denoise(self, work: ClipWork, parts: Parts) -> None:
        from vgpipe.stages import denoise, encode

        family = self._family(work, DENOISE)
        if self.has_latents(work):
            return
        given_NHWC = self._given(work)
        from_image = work.clip.image is not None or given_NHWC is not None
        keys = work.keys
        artifact = denoise.run(
            self.store,
            keys.latents,
            denoised_at_once(work),
            family=family,
            parts=self._loaded(family, family.denoise_parts(from_image=from_image), parts),
            embeds=encode.read(self._needed(keys.prompt)),
            negative_embeds=encode.read(self._needed(keys.negative)) if keys.negative else None,
            device=self.device,
            watch=self._watch(work),
            given_NHWC=_conditions(work, given_NHWC),
            windows=self._windows(work),
        )
        self._account(work, DENOISE, artifact)

    def _decode(self, work: ClipWork, parts: Parts) -> None:
        from vgpipe.stages import decode, denoise
        from vgpipe.stages.seams import Seam

        family = self._family(work, DECODE)
        if (made := self.store.find(work.keys.frames)) is not None:
            self._leave_tail(work, made)
            return
        given_NHWC, segment = self._given(work), work.segment
        artifact = decode.run(
            self.store,
            work.keys.frames,
            work.clip,
            family=family,
            parts=self._loaded(family, family.decode_parts, parts),
            denoised=denoise.read(self._needed(work.keys.latents)),
            trajectory=segment.trajectory if segment else None,
            seam=Seam(given_NHWC, segment.match_color, segment.blend) if segment and given_NHWC is not None else None,
        )
        self._leave_tail(work, artifact)
        self._account(work, DECODE, artifact)

    def _given(self, work: ClipWork) -> np.ndarray | None:
        """Returns the frames that a segment goes on from, (N, H, W, 3) uint8; None where it begins anew."""
        from vgpipe.stages import tails

        before = work.before
        if before is None or before.keys.tail is None:
            return None
        return tails.read(self._needed(before.keys.tail))

    def _leave_tail(self, work: ClipWork, frames: Artifact | None) -> None:
        """Keeps what the next segment goes on from; where another process took the frames away, a later pass does."""
        from vgpipe.stages import decode, tails

        key, whole = work.keys.tail, work.whole
        if key is None or whole is None or work.segment is None or frames is None or self.store.find(key) is not None:
            return
        after = whole.parts[work.segment.index + 1].segment
        end = work.segment.end
        tails.write(self.store, key, decode.read(frames)[end - (after.given if after else 0) : end])

    def _windows(self, work: ClipWork) -> Windows | None:
        """Returns how a trajectory is denoised; None for a clip or segment that is made at once."""
        from vgpipe.models.base import Windows, WindowShot
        from vgpipe.stages import encode

        course = work.segment.trajectory if work.segment else None
        if course is None:
            return None
        later = zip(course.prompts[1:], work.keys.later, strict=True)
        shots = [WindowShot(first_frame=first, embeds=encode.read(self._needed(key))) for (first, _), key in later]
        overlap = course.overlap_num_frames
        return Windows(num_frames=work.clip.num_frames, overlap_frames=overlap, shots=tuple(shots))

    def _family(self, work: ClipWork, stage: str) -> Family:
        return work.families.get(stage, self.model.family)

    def _loaded(self, family: Family, names: tuple[str, ...], parts: Parts) -> dict[str, Any]:
        self.loader.serve(family, names, self.residency)
        return parts(names)

    def rehearse(self, works: Iterable[ClipWork]) -> str:
        """Encodes and denoises some clips without storing anything; both stages' components are loaded at once.

        Returns:
            A digest over their latents.
        """
        digest = hashlib.sha256()
        with self.residency.stage(DENOISE) as parts:
            for work in works:
                digest.update(self._rehearsed(work, parts))
        return digest.hexdigest()

    def _rehearsed(self, work: ClipWork, parts: Parts) -> bytes:
        import torch

        from vgpipe.models.resumable import ResumableScheduler
        from vgpipe.stages.denoise import request_for
        from vgpipe.stages.images import first_frames

        family, clip = self.model.family, work.clip
        embeds = [family.encode(parts(family.encode_parts), text) for _, text in self._texts(work)]
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

    def has_latents(self, work: ClipWork) -> bool:
        """Says whether nothing before decode is left to do for a clip."""
        return any(self.store.find(key) is not None for key in (work.keys.frames, work.keys.latents))

    def _open(self, wave: Iterable[ClipWork], stage: str) -> Iterator[ClipWork]:
        """Yields the clips that are still to do, stopping where asked to."""
        for work in wave:
            if self.should_stop():
                raise Stopped(f"stopped before {stage} of {work.clip.id}")
            if work.owner.state is State.PENDING:
                yield work

    def _account(self, work: ClipWork, stage: str, artifact: Artifact | None, name: str = "") -> None:
        seconds = float(artifact.info["seconds"]) if artifact else 0.0
        for one in {id(work): work, id(work.owner): work.owner}.values():
            one.seconds[stage] = round(one.seconds.get(stage, 0.0) + seconds, 4)
        self.event("stage_done", stage=stage, clip=work.clip.id, seconds=seconds)
        self.progress.advance(stage, seconds, name or work.clip.id, typical_s(work, stage, seconds))

    def _texts(self, work: ClipWork) -> list[tuple[Key, str]]:
        keys, clip = work.keys, work.clip
        negative = [(keys.negative, clip.negative_prompt)] if keys.negative else []
        course = work.segment.trajectory if work.segment else None
        later = [text for _, text in course.prompts[1:]] if course else []
        return [(keys.prompt, clip.prompt), *negative, *zip(keys.later, later, strict=True)]

    def _needed(self, key: Key) -> Artifact:
        artifact = self.store.find(key)
        if artifact is None:
            raise StoreError(f"the {key.stage} artifact {key.digest[:12]} is gone from {self.store.root}")
        return artifact

    def _watch(self, work: ClipWork) -> Watch:
        from vgpipe.stages.denoise import Watch

        total = work.clip.num_inference_steps
        return Watch(
            checkpoint_steps=self.checkpoint_steps,
            checkpoint_interval_s=self.checkpoint_interval_s,
            should_stop=self.should_stop,
            on_step=lambda done: self.progress.step(work.clip.id, done, total),
        )


def _conditions(work: ClipWork, given_NHWC: np.ndarray | None) -> np.ndarray | None:
    """Returns those of the given frames that the model goes on from; the others are only blended."""
    if given_NHWC is None or work.segment is None:
        return None
    return given_NHWC[: work.segment.conditions]


def denoised_at_once(work: ClipWork) -> Clip:
    """Returns what one denoising pass makes: the clip, or for a piece of a trajectory all of that."""
    course = work.segment.trajectory if work.segment else None
    return work.clip if course is None else replace(work.clip, num_frames=course.num_frames)


def typical_s(work: ClipWork, stage: str, seconds: float) -> float:
    """Returns what a piece takes for an ordinary clip: a canary's denoising is scaled to all the steps."""
    if stage != DENOISE or work.stands_for_steps is None:
        return seconds
    return seconds * work.stands_for_steps / work.clip.num_inference_steps
