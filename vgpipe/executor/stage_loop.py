"""Runs one stage over the segments of a wave: skips what is in the store; what fails takes only its clip with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.errors import Stopped
from vgpipe.executor.at_work import at_work
from vgpipe.executor.stage_checks import StageChecks, other_text_of
from vgpipe.executor.stage_inputs import (
    conditioning_frames,
    denoised_clip,
    history_of,
    keep_tail,
    must_keep_latents,
    required,
    seam_of,
    texts_of,
    windows_of,
    with_context,
)
from vgpipe.executor.stage_scores import StageScores
from vgpipe.executor.text_turns import TextTurns
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.job.segment import steps_of_pass
from vgpipe.memory.budget import enforced
from vgpipe.memory.out_of_memory import drop_traceback_locals
from vgpipe.memory.residency import Residency, Take
from vgpipe.memory.tracker import measured
from vgpipe.models.base import Family
from vgpipe.models.text_reader import TextReading
from vgpipe.models.texts.watching import watched
from vgpipe.stages.denoised import needs_decoding_at_most
from vgpipe.store.artifacts import Artifact, LostArtifact, Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

if TYPE_CHECKING:
    from vgpipe.stages.denoise_run import DenoiseHooks

Make = Callable[[SegmentState, Take[Family]], None]


class StageReport(Protocol):
    """What a stage reports to; small values only, so that it may be in another process."""

    def failed(self, segment: SegmentState, stage: str, error: Exception) -> None:
        """Takes a segment's clip out of the run."""

    def lost(self, segment: SegmentState, stage: str, error: LostArtifact) -> None:
        """Notes that a stage found what an earlier one had made missing or damaged; a later pass makes it again."""

    def piece_started(self, segment: SegmentState, stage: str) -> None:
        """Notes which piece of work runs from now on."""

    def loading(self, part: str) -> None:
        """Notes that a component is loaded now; an empty name: that it is there."""

    def piece_done(self, segment: SegmentState, stage: str, seconds: float, name: str) -> None:
        """Notes one finished piece of work of a stage."""

    def text_read(self, segment: SegmentState, text: str, reading: TextReading | None) -> None:
        """Notes what the model read of a text."""

    def step_done(self, segment: SegmentState, done: int, total: int) -> None:
        """Notes that `done` of `total` denoising steps are done."""

    def event(self, kind: str, **facts: object) -> None:
        """Appends to the run's events."""

    def rejected(self, segment: SegmentState) -> None:
        """Takes a segment's clip out of the run, since a check failed; its files may still be exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLoop:
    """The three stages that use the model, on one device.

    Attributes:
        store: where artifacts are.
        family: drives the model as the user asked for it.
        residency: hands out loaded components.
        ladder: decides what to do when memory runs out.
        report: gets what happens.
        at_work_on: notes on the disk what a block works on.
        should_stop: asked between pieces and after every denoising step.
        device: torch device string.
        memory_limit_gb: the most of its memory that may be used, GiB; None: all.
        texts: decides who encodes a text.
        checks: judges what was made.
        scores: has previews judged.
        checkpoint_steps: steps between checkpoints, at least.
        checkpoint_interval_s: seconds between checkpoints, at least.
    """

    store: Store
    family: Family
    residency: Residency[Family]
    ladder: MemoryLadder
    report: StageReport
    at_work_on: Callable[[SegmentState, str], AbstractContextManager[None]]
    should_stop: Callable[[], bool]
    device: str
    memory_limit_gb: float | None
    texts: TextTurns
    checks: StageChecks
    scores: StageScores
    checkpoint_steps: int
    checkpoint_interval_s: float

    def encode(self, segments: Iterable[SegmentState]) -> None:
        """Encodes every distinct text of the segments that is not in the store; a new pass over them begins."""
        self.checks.begin_wave()
        missing = [segment for segment in segments if not self._has_latents(segment) or self._other_texts(segment)]
        with self.residency.stage(ENCODE) as take:
            for segment in self._pending(missing, ENCODE):
                self._make(segment, ENCODE, self._encode, take)

    def denoise(self, segments: Iterable[SegmentState]) -> None:
        """Denoises every segment whose latents are not in the store.

        Raises:
            Stopped: in the middle of a segment, whose checkpoint is then on the disk.
        """
        with self.residency.stage(DENOISE) as take:
            for segment in self._pending(segments, DENOISE):
                if self._has_latents(segment):  # asked now: clips that differ only in fps share latents
                    self._denoised(segment, take)
                    continue
                dead = self.residency.failure(self.family.decode_components)
                if dead is not None:  # hours of denoising for nothing
                    self.report.failed(segment, DECODE, dead)
                    continue
                if self._make(segment, DENOISE, self._denoise, take):
                    self._denoised(segment, take)

    def _denoised(self, segment: SegmentState, take: Take[Family]) -> None:
        self.checks.denoised(segment)
        self.scores.denoised(segment, self._family(segment, DENOISE), take)

    def decode(self, segments: Iterable[SegmentState], on_decoded: Callable[[ClipState], None]) -> None:
        """Decodes every segment whose frames are not in the store, and judges them.

        Hands each clip that is complete on, and what there is of each that a check rejects.
        """
        with self.residency.stage(DECODE) as take:
            for segment in self._pending(segments, DECODE):
                if not self._make(segment, DECODE, self._decode, take) or not self.checks.decoded(segment):
                    continue
                self.scores.decoded(segment)
                if segment.is_last:
                    on_decoded(segment.parent)
        while self.checks.rejected:
            on_decoded(self.checks.rejected.pop(0))

    def _make(self, segment: SegmentState, stage: str, make: Make, take: Take[Family]) -> bool:
        """Makes one artifact of a stage; where memory runs out, on the next fallback step, until it fits or fails.

        Returns:
            Whether it is there.
        """
        latents = segment.keys.latents

        def needs_denoising() -> bool:  # a clip that is smaller by now, which a later pass makes
            return segment.is_orphan or (stage == DECODE and segment.keys.latents != latents)

        self.ladder.apply(segment, stage)
        if needs_denoising():
            return False
        while (failure := self._failure(segment, stage, make, take)) is not None:
            if isinstance(failure, LostArtifact):
                self.report.lost(segment, stage, failure)
                return False
            self.residency.distrust()
            if self.checks.safer_failed(segment, failure):
                return False
            if not self._step_down(segment, stage, failure):
                self.report.failed(segment, stage, failure)
                return False
            if needs_denoising():
                return False
        self.ladder.remember(segment, stage)
        return True

    def _step_down(self, segment: SegmentState, stage: str, failure: Exception) -> bool:
        """Takes the next step down the memory ladder; returns whether there is one."""
        found = self.ladder.step_down(segment, stage, failure)
        if found is None:
            return False
        if not found.is_resized:
            facts = {"clip": segment.clip.id, "rung": asdict(found.memory), "reason": found.reason}
            self.report.event("memory_rung", stage=stage, **facts)
        self.residency.change(stage, found.memory.strategy)
        return True

    def _failure(self, segment: SegmentState, stage: str, make: Make, take: Take[Family]) -> Exception | None:
        """Returns why an artifact could not be made; None on success."""
        failure = None
        self.report.piece_started(segment, stage)
        with (
            self.at_work_on(segment, stage),
            at_work(stage, segment.clip.id),
            measured(self.device) as peak,
            enforced(self.device, self.memory_limit_gb),
        ):
            try:
                make(segment, take)
            except Stopped:
                segment.parent.stop()
                raise
            except Exception as error:  # one bad clip never stops the others
                drop_traceback_locals(error)
                failure = error
        segment.note_peak(stage, peak)
        clip_id = segment.clip.id
        self.report.event("stage_peak", stage=stage, clip=clip_id, ram_gb=peak.ram_gb, device_gb=peak.device_gb)
        return failure

    def _encode(self, segment: SegmentState, take: Take[Family]) -> None:
        from vgpipe.stages import encode

        for key, text in [*texts_of(segment), *self._other_texts(segment)]:
            artifact = self.store.find(key)
            if artifact is None and self.texts.take(key):
                try:
                    artifact = self._encode_text(segment, key, text, take)
                finally:
                    self.texts.ended(key, is_there=artifact is not None)
            elif artifact is None:
                artifact = required(self.store, key)
            self.report.text_read(segment, text, encode.reading(artifact))
        if self.checks.compares_texts(segment):
            self._compare_texts(segment, take)

    def _compare_texts(self, segment: SegmentState, take: Take[Family]) -> None:
        """Has the text encoder judged by another text, which is no work of the job."""
        from vgpipe.stages import encode
        from vgpipe.stages.keys import text_key

        family, text = self._family(segment, ENCODE), other_text_of(segment)
        key = text_key(family, text)
        if self.store.find(key) is None:
            loaded = take(family, family.encode_components)
            encode.run(self.store, key, family=family, components=loaded, text=text)
        own, other = (encode.read(required(self.store, one)) for one in (segment.keys.prompt, key))
        self.checks.encoded(segment, own, other)

    def _encode_text(self, segment: SegmentState, key: Key, text: str, take: Take[Family]) -> Artifact | None:
        from vgpipe.stages import encode

        family = self._family(segment, ENCODE)
        loaded = take(family, family.encode_components)
        artifact = encode.run(self.store, key, family=family, components=loaded, text=text)
        self._done(segment, ENCODE, artifact, name=f"text {key.digest[:8]}")
        return artifact

    def _denoise(self, segment: SegmentState, take: Take[Family]) -> None:
        from vgpipe.stages import denoise, encode

        family = self._family(segment, DENOISE)
        if self._has_latents(segment):
            return
        given_NHWC = conditioning_frames(self.store, segment)
        from_image = segment.clip.is_given_frames or given_NHWC is not None
        keys, steps = segment.keys, segment.parent.draft
        loaded = take(family, family.denoise_components(from_image=from_image))
        with watched(loaded) as watch:  # a pipeline that is run whole encodes its texts here
            given: dict[str, Any] = {
                "family": family,
                "components": loaded,
                "embeds": encode.read(required(self.store, keys.prompt)),
                "negative_embeds": encode.read(required(self.store, keys.negative)) if keys.negative else None,
                "device": self.device,
                "hooks": self._denoise_hooks(segment),
                "given_NHWC": given_NHWC,
                "windows": windows_of(self.store, segment),
            }
            if (history := history_of(self.store, segment)) is not None:
                given["history"] = history
            clip = denoised_clip(segment)
            if keys.preview is None or steps is None:
                artifact = denoise.run(self.store, keys.latents, clip, **given)
            else:
                artifact = denoise.run_draft(self.store, keys.latents, keys.preview, clip, steps=steps, **given)
        for _, text in texts_of(segment):
            self.report.text_read(segment, text, watch.reading_of(text))
        self._done(segment, DENOISE, artifact)

    def _decode(self, segment: SegmentState, take: Take[Family]) -> None:
        from vgpipe.stages import decode, denoise

        family = self._family(segment, DECODE)
        if (made := self.store.find(segment.keys.frames)) is not None:
            keep_tail(self.store, segment, made)
            return
        denoised = denoise.read(required(self.store, segment.keys.denoised))
        denoised, context_frames = with_context(self.store, segment, family, denoised)
        artifact = decode.run(
            self.store,
            segment.keys.frames,
            segment.clip,
            family=family,
            components=take(family, family.decode_components),
            denoised=denoised,
            trajectory=segment.segment.trajectory,
            seam=seam_of(self.store, segment),
            context_frames=context_frames,
        )
        keep_tail(self.store, segment, artifact)
        self._done(segment, DECODE, artifact)

    def _other_texts(self, segment: SegmentState) -> list[tuple[Key, str]]:
        return self.scores.texts(segment, self._family(segment, ENCODE))

    def _family(self, segment: SegmentState, stage: str) -> Family:
        return segment.families.get(stage, self.family)

    def _has_latents(self, segment: SegmentState) -> bool:
        """Says whether nothing before decode is left to do for a segment."""
        is_there = needs_decoding_at_most(self.store, segment.keys)
        if is_there and must_keep_latents(self.store, segment):
            return self.store.find(segment.keys.latents) is not None
        return is_there

    def _pending(self, segments: Iterable[SegmentState], stage: str) -> Iterator[SegmentState]:
        """Yields the segments that are still to do; raises `Stopped` where the run is to stop."""
        for segment in segments:
            if self.should_stop():
                raise Stopped(f"stopped before {stage} of {segment.clip.id}")
            if segment.parent.is_pending and not segment.is_orphan and not self.checks.is_waiting(segment.parent):
                yield segment

    def _done(self, segment: SegmentState, stage: str, artifact: Artifact | None, name: str = "") -> None:
        seconds = float(artifact.info["seconds"]) if artifact else 0.0
        segment.add_seconds(stage, seconds)
        self.report.piece_done(segment, stage, seconds, name or segment.clip.id)

    def _denoise_hooks(self, segment: SegmentState) -> DenoiseHooks:
        from vgpipe.stages.denoise_run import DenoiseHooks

        total = segment.parent.draft or steps_of_pass(segment.segment)
        return DenoiseHooks(
            checkpoint_steps=self.checkpoint_steps,
            checkpoint_interval_s=self.checkpoint_interval_s,
            should_stop=self.should_stop,
            on_step=lambda done: self.report.step_done(segment, done, total),
        )
