"""Judges what each stage has made, before more work is put into it, and decides what follows where a check fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import SEED, Degradation
from vgpipe.clips.judging import Judge, failed, numbers_of_frames
from vgpipe.errors import StoreError, first_line, is_disk_full
from vgpipe.fallback.safer import SaferTries
from vgpipe.fallback.wording import OF_CANARY, REMEDIES, describe_verdict, rejection
from vgpipe.models.base import Family
from vgpipe.quality import noise_left, text_difference
from vgpipe.quality.base import Bad
from vgpipe.quality.verdict import Verdict
from vgpipe.report.values import float_of
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, STRICT

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.models.base import Embeds

log = logging.getLogger(__name__)

OF_FRAMES = "the VAE or the denoiser is damaged, or not made for this model"
OTHER_TEXT = "two purple umbrellas beneath an old wooden bridge"
"""Encoded beside the prompt of a canary that has no negative prompt: every text has to give something else."""


class CheckReport(Protocol):
    """What hears of clips that a check failed."""

    def event(self, kind: str, **facts: object) -> None:
        """Appends to the run's events."""

    def rejected(self, segment: SegmentState) -> None:
        """Takes note that a clip has failed since a check did; its files may still be exported."""


@dataclass(frozen=True, slots=True)
class _Before:
    """A clip as it was before safer settings were tried.

    Attributes:
        verdict: why they are.
        driven: its segments, what drove each, and its degradations.
        frames: store keys of the frames.
    """

    verdict: Verdict
    driven: tuple[tuple[SegmentState, Mapping[str, Family], tuple[Degradation, ...]], ...]
    frames: tuple[Key, ...]


class StageChecks:
    """Judges the stages of one device.

    A clip that is tried again waits for the next pass over the pending clips, which makes what is then missing.

    Args:
        store: where artifacts are.
        judge: knows the limits.
        tries: takes a clip to its next try.
        report: gets what happens.

    Attributes:
        rejected: clips that failed, and whose frames are still to be exported; taken out by whoever does it.
    """

    def __init__(self, store: Store, judge: Judge, tries: SaferTries, report: CheckReport):
        self._store, self._judge, self._tries, self._report = store, judge, tries, report
        self._waiting: set[ClipState] = set()
        self._before: dict[ClipState, _Before] = {}
        self.rejected: list[ClipState] = []

    def begin_wave(self) -> None:
        """Notes that a new pass begins."""
        self._waiting.clear()

    def is_waiting(self, state: ClipState) -> bool:
        """Returns whether a clip waits for the next pass."""
        return state in self._waiting

    def compares_texts(self, segment: SegmentState) -> bool:
        """Returns whether `encoded` needs the embeddings of another text."""
        return segment.parent.is_canary and not self._judge.is_off and bool(segment.clip.prompt.strip())

    def encoded(self, segment: SegmentState, embeds: Embeds, others: Embeds) -> None:
        """Judges the text encoder of a canary.

        Args:
            segment: the canary's.
            embeds: of its prompt.
            others: of a text that shares no word with it.
        """
        number = text_difference.text_difference(_arrays(embeds), _arrays(others))
        if number is not None:
            check, says = text_difference.NAME, text_difference.says(number)
            self._take(segment, ENCODE, self._judge.number(check, number, says, bad=Bad.BELOW, is_canary=True))

    def denoised(self, segment: SegmentState) -> None:
        """Judges the denoiser of a canary by what it leaves of the noise."""
        artifact = self._store.find(segment.keys.latents) if segment.parent.is_canary else None
        number = None if artifact is None else float_of(artifact.info.get(noise_left.NAME))
        if number is not None:
            check, says = noise_left.NAME, noise_left.says(number)
            self._take(segment, DENOISE, self._judge.number(check, number, says, bad=Bad.ABOVE, is_canary=True))

    def decoded(self, segment: SegmentState) -> bool:
        """Judges the frames of a segment; returns whether its clip is made further."""
        numbers = numbers_of_frames(self._store.find(segment.keys.frames))
        prompt, has_few_steps = segment.clip.prompt, segment.parent.has_few_steps
        is_heard = segment.clip.audio is None
        verdicts = self._judge.frames(numbers or {}, prompt, is_canary=has_few_steps, is_heard=is_heard)
        if failed(verdicts) is None:
            self._drop_before(segment.parent)
            return True
        self._failed(segment, DECODE, verdicts)
        return False

    def safer_failed(self, segment: SegmentState, error: Exception) -> bool:
        """Takes safer settings back with which a segment could not be made; returns whether that is what they were."""
        before = self._before.get(segment.parent) if segment.safer else None
        if before is None or is_disk_full(error) or isinstance(error, StoreError):
            return False
        del self._before[segment.parent]
        self._take_back(before)
        if not self._take_seed(segment, before.verdict):
            self._reject(segment, DECODE, (before.verdict,), f"safer settings failed: {first_line(error)}")
        return True

    def _take(self, segment: SegmentState, stage: str, verdict: Verdict | None) -> None:
        if verdict is not None:
            self._failed(segment, stage, (verdict,))

    def _failed(self, segment: SegmentState, stage: str, verdicts: tuple[Verdict, ...]) -> None:
        """Has a clip be tried again, or rejects it, where one of the verdicts says so."""
        verdict = failed(verdicts)
        if verdict is None:
            return
        facts = {"check": verdict.check, "number": verdict.number, "limit": verdict.limit, "says": verdict.says}
        self._report.event("check_failed", stage=stage, clip=segment.clip.id, **facts)
        if not (self._take_safer(segment, verdict) or self._take_seed(segment, verdict)):
            self._reject(segment, stage, verdicts, self._tried(segment, stage))

    def _take_safer(self, segment: SegmentState, verdict: Verdict) -> bool:
        state = segment.parent
        driven = tuple((one, one.families, one.degradations) for one in state.segments)
        before = _Before(verdict, driven, tuple(one.keys.frames for one in state.segments))
        if not self._tries.take_safer(segment, verdict):
            return False
        self._before[state] = before
        self._wait(segment, verdict, "safer settings")
        return True

    def _take_seed(self, segment: SegmentState, verdict: Verdict) -> bool:
        state = segment.parent
        frames = [one.keys.frames for one in state.segments]
        before = self._before.get(state)
        if not self._tries.may_change_seed(state):
            return False
        if before is not None:
            del self._before[state]
            self._take_back(before)
        self._tries.take_seed(segment, verdict)
        self._discard((*frames, *(before.frames if before else ())))
        self._wait(segment, verdict, f"seed {state.clip.seed}")
        return True

    def _wait(self, segment: SegmentState, verdict: Verdict, what: str) -> None:
        self._waiting.add(segment.parent)
        log.warning("%s: %s; trying again with %s", segment.clip.id, describe_verdict(verdict), what)

    def _take_back(self, before: _Before) -> None:
        for segment, families, degradations in before.driven:
            self._tries.take_back(segment, families, degradations)

    def _drop_before(self, state: ClipState) -> None:
        """Discards the frames that safer settings have replaced."""
        before = self._before.pop(state, None)
        if before is not None:
            self._discard(before.frames)

    def _discard(self, frames: Iterable[Key]) -> None:
        for key in frames:
            if not self._tries.frame_users.has(key.digest):
                self._store.discard(key)

    def _reject(self, segment: SegmentState, stage: str, verdicts: tuple[Verdict, ...], tried: str) -> None:
        state, verdict = segment.parent, failed(verdicts)
        if verdict is None:
            return
        where = f"segment {segment.segment.index + 1} of {len(state.segments)}: " if state.is_long else ""
        state.note_verdicts(verdicts)
        remedy = OF_CANARY if state.is_canary else REMEDIES[self._tries.policy]
        state.reject(where + rejection(verdict, remedy, tried))
        log.error("%s failed in %s", state.clip.id, state.error)
        self._drop_before(state)
        self._report.rejected(segment)
        if state.is_canary:
            return
        if stage == DECODE:
            self._tries.end_with(segment)
            self.rejected.append(state)

    def _tried(self, segment: SegmentState, stage: str) -> str:
        state = segment.parent
        if any(one.kind == SEED for one in state.degradations):
            return f"seed {state.clip.seed} is no better"
        if segment.safer:
            return "safer settings are no better"
        if state.is_canary:
            return OF_FRAMES if stage == DECODE else ""
        return "" if self._tries.policy == STRICT else "there are no safer settings to try"


def other_text_of(segment: SegmentState) -> str:
    """Returns a text that shares no word with a canary's prompt: its negative prompt, where it has one."""
    negative, prompt = segment.clip.negative_prompt, segment.clip.prompt
    words = set(prompt.lower().split())
    if segment.keys.negative is not None and negative.strip() and words.isdisjoint(negative.lower().split()):
        return negative
    return OTHER_TEXT


def _arrays(embeds: Embeds) -> dict[str, np.ndarray]:
    """Returns embeddings as arrays, those in bfloat16, which NumPy lacks, in float32."""
    return {
        name: tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()
        for name, tensor in embeds.items()
    }
