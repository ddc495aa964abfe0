"""Runs one stage over the clips of a wave: what is in the store is skipped, what fails takes only its clip along."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgpipe.errors import Stopped, StoreError
from vgpipe.executor.progress import Progress
from vgpipe.executor.work import ClipWork, State
from vgpipe.memory.residency import Residency
from vgpipe.memory.tracker import measured
from vgpipe.stages.keys import DECODE, DENOISE, ENCODE, KeyMaker
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    from vgpipe.stages.denoise import Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRuns:
    """The three stages that use the model.

    Attributes:
        store: where artifacts are.
        model: names artifacts; knows the family.
        residency: hands out loaded components.
        progress: told of every finished piece.
        should_stop: asked between pieces and after every denoising step.
        fail: takes a clip out of the run, with the stage and the reason.
        event: appends to the run's events.
        device: where the model's arithmetic happens.
        checkpoint_steps: steps between checkpoints, at least.
        checkpoint_interval_s: seconds between checkpoints, at least.
    """

    store: Store
    model: KeyMaker
    residency: Residency
    progress: Progress
    should_stop: Callable[[], bool]
    fail: Callable[[ClipWork, str, Exception], None]
    event: Callable[..., None]
    device: str
    checkpoint_steps: int
    checkpoint_interval_s: float

    def encode(self, wave: Iterable[ClipWork]) -> None:
        """Encodes every distinct text of the wave that is not in the store."""
        from vgpipe.stages import encode

        missing = [work for work in wave if not self.has_latents(work)]
        with self.residency.stage() as parts:
            for work in self._open(missing, ENCODE):
                with self._guarded(work, ENCODE):
                    for key, text in self._texts(work):
                        artifact = self.store.find(key)
                        if artifact is None:
                            artifact = encode.run(
                                self.store,
                                key,
                                family=self.model.family,
                                parts=parts(self.model.family.encode_parts),
                                text=text,
                            )
                            self._account(work, ENCODE, artifact, name=f"text {key.digest[:8]}")

    def denoise(self, wave: Iterable[ClipWork]) -> None:
        """Denoises every clip of the wave whose latents are not in the store.

        Raises:
            Stopped: in the middle of a clip, whose checkpoint is then on the disk.
        """
        from vgpipe.stages import denoise, encode

        with self.residency.stage() as parts:
            for work in self._open(wave, DENOISE):
                if self.has_latents(work):  # asked now: clips that differ only in fps share latents
                    continue
                dead = self.residency.failure(self.model.family.decode_parts)
                if dead is not None:  # hours of denoising for nothing
                    self.fail(work, DECODE, dead)
                    continue
                with self._guarded(work, DENOISE):
                    embeds = [encode.read(self._needed(key)) for key in work.keys.texts]
                    artifact = denoise.run(
                        self.store,
                        work.keys.latents,
                        work.clip,
                        family=self.model.family,
                        parts=parts(self.model.family.denoise_parts(from_image=work.clip.image is not None)),
                        embeds=embeds[0],
                        negative_embeds=embeds[1] if len(embeds) > 1 else None,
                        device=self.device,
                        watch=self._watch(work),
                    )
                    self._account(work, DENOISE, artifact)

    def decode(self, wave: Iterable[ClipWork], then: Callable[[ClipWork], None]) -> None:
        """Decodes every clip of the wave whose frames are not in the store, and hands each on to `then`."""
        from vgpipe.stages import decode, denoise

        with self.residency.stage() as parts:
            for work in self._open(wave, DECODE):
                with self._guarded(work, DECODE):
                    if self.store.find(work.keys.frames) is None:
                        artifact = decode.run(
                            self.store,
                            work.keys.frames,
                            work.clip,
                            family=self.model.family,
                            parts=parts(self.model.family.decode_parts),
                            denoised=denoise.read(self._needed(work.keys.latents)),
                        )
                        self._account(work, DECODE, artifact)
                if work.state is State.PENDING:
                    then(work)

    def rehearse(self, works: Iterable[ClipWork]) -> str:
        """Encodes and denoises some clips without storing anything; both stages' components are loaded at once.

        Returns:
            A digest over their latents.
        """
        digest = hashlib.sha256()
        with self.residency.stage() as parts:
            for work in works:
                digest.update(self._rehearsed(work, parts))
        return digest.hexdigest()

    def _rehearsed(self, work: ClipWork, parts: Callable[[tuple[str, ...]], dict[str, Any]]) -> bytes:
        import torch

        from vgpipe.models.resumable import ResumableScheduler
        from vgpipe.stages.denoise import request_for

        family, clip = self.model.family, work.clip
        embeds = [family.encode(parts(family.encode_parts), text) for _, text in self._texts(work)]
        request = request_for(
            clip,
            embeds=embeds[0],
            negative_embeds=embeds[1] if len(embeds) > 1 else None,
            generator=torch.Generator("cpu").manual_seed(clip.seed),
            latents=None,
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
            if work.state is State.PENDING:
                yield work

    @contextmanager
    def _guarded(self, work: ClipWork, stage: str) -> Iterator[None]:
        with measured(self.device) as peak:
            try:
                yield
            except Stopped:
                work.state = State.STOPPED
                raise
            except Exception as error:  # one bad clip never stops the others
                self.fail(work, stage, error)
        work.note_peak(peak)

    def _account(self, work: ClipWork, stage: str, artifact: Artifact | None, name: str = "") -> None:
        seconds = float(artifact.info["seconds"]) if artifact else 0.0
        work.seconds[stage] = round(work.seconds.get(stage, 0.0) + seconds, 4)
        self.event("stage_done", stage=stage, clip=work.clip.id, seconds=seconds)
        self.progress.advance(stage, seconds, name or work.clip.id, typical_s(work, stage, seconds))

    def _texts(self, work: ClipWork) -> list[tuple[Key, str]]:
        texts = (work.clip.prompt, work.clip.negative_prompt)
        return list(zip(work.keys.texts, texts, strict=False))

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


def typical_s(work: ClipWork, stage: str, seconds: float) -> float:
    """Returns what a piece takes for an ordinary clip: a canary's denoising is scaled to all the steps."""
    if stage != DENOISE or work.stands_for_steps is None:
        return seconds
    return seconds * work.stands_for_steps / work.clip.num_inference_steps
