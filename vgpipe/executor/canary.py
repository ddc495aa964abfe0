"""The canary wave: what cannot work for a shape shows before hours are spent on its clips."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState, Shape, Status
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.clips.judging import failed
from vgpipe.config.executor_schema import WorkersConfig
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.waves import canaries, startable
from vgpipe.fallback.files_gate import FilesGate
from vgpipe.quality.registry import NEED_STEPS
from vgpipe.units import counted

log = logging.getLogger(__name__)

MAX_STEPS = 1_000_000
"""More than any clip has: a canary then has all the steps of its clip."""
MAX_WAVES = 10
"""Waves of one canary: one more each time that memory requires a smaller clip."""


class Canaries:
    """One cheap clip of each shape that at least two clips share.

    Args:
        settings: whether there are any, and their steps.
        keys: computes store keys.
        prepare: gives a canary the memory settings that its shape needs.
        past: knows which canaries succeeded in earlier runs.

    Attributes:
        states: the canaries to run first.
    """

    def __init__(
        self, settings: WorkersConfig, keys: ArtifactKeys, prepare: Callable[[ClipState], None], past: PastTrials
    ):
        self._settings, self._keys, self._prepare, self._past = settings, keys, prepare, past
        self.states: list[CanaryState] = []

    def choose(
        self, states: Sequence[ClipState], pending: Sequence[ClipState], finished: FinishedFiles, gate: FilesGate
    ) -> None:
        """Makes a canary for each shape that no finished clip and no earlier canary has tried.

        Args:
            states: all clips of the run.
            pending: those still to make.
            finished: knows which canaries have been made before.
            gate: judges what was made of them.
        """
        if not self._settings.canary:
            return
        tried = {segment.shape for state in states if state.is_made for segment in state.segments}
        new = [segment for segment in startable(pending) if segment.shape not in tried]
        found = self._canaries([segment for segment in new if not self._is_as_short(segment)])
        left = [state for state in found if not gate.passes(state, finished.found(state.keys))]
        self.states = [state for state in left if self._past.canary_s(state) is None]
        spared = [state.clip.id for state in left if state not in self.states]
        if spared:
            log.info("no %s: it succeeded before, with the same model, versions and settings", ", ".join(spared))

    def run(
        self,
        pending: Sequence[ClipState],
        run_wave: Callable[[list[ClipState]], None],
        on_failed: Callable[[ClipState], None],
    ) -> None:
        """Runs the canaries; fails the pending clips of a shape of which two canaries have failed.

        Where few steps may be why checks failed both, one with all the steps decides; its latents are not in vain.

        Args:
            pending: the clips still to make.
            run_wave: takes clips through all stages, their exports included.
            on_failed: called with each clip that fails.
        """
        self._run(self.states, run_wave)
        for canary in self.states:
            self._past.remember_canary(canary)
        failed_once = _failed(self.states)
        # A second one from the other end of the job: one bad clip must not condemn its whole shape.
        again = self._canaries([segment for segment in startable(pending[::-1]) if segment.shape in failed_once])
        self._run(again, run_wave)
        condemned = _failed(again)
        doubtful = {shape for shape, canary in condemned.items() if _may_lack_steps(canary)}
        whole = self._canaries([one for one in startable(pending) if one.shape in doubtful], MAX_STEPS)
        self._run(whole, run_wave)
        condemned = {shape: dead for shape, dead in condemned.items() if shape not in doubtful} | _failed(whole)
        for state in pending:
            dead = next((condemned[one.shape] for one in state.segments if one.shape in condemned), None)
            if dead is not None and state.is_pending:
                how_many = "three canaries failed, one with all steps" if dead in whole else "two canaries failed"
                state.fail(f"not started, {how_many}: {dead.error}", dead.cause)
                on_failed(state)

    def forget_failed(self, pending: Sequence[ClipState]) -> None:
        """Has the next run try a canary again for each shape of which a clip failed."""
        failed = [segment for state in pending if state.status is Status.FAILED for segment in startable([state])]
        for canary in canaries([*failed, *failed], self._settings.canary_steps, self._keys):
            self._past.forget_canary(canary)

    def _is_as_short(self, segment: SegmentState) -> bool:
        """Says whether a segment is drafted in no more steps than a canary has, and shows as early what cannot work."""
        drafted = segment.parent.draft
        return drafted is not None and drafted <= self._settings.canary_steps

    def _canaries(self, segments: Sequence[SegmentState], steps: int | None = None) -> list[CanaryState]:
        found = canaries(segments, steps or self._settings.canary_steps, self._keys)
        for state in found:
            self._prepare(state)
        return found

    def _run(self, states: Sequence[CanaryState], run_wave: Callable[[list[ClipState]], None]) -> None:
        if states:
            for state in states:
                steps = counted(state.clip.num_inference_steps, "step")
                log.info("%s goes first, with %s: what cannot work shows early", state.clip.id, steps)
        for _ in range(MAX_WAVES):
            pending: list[ClipState] = [state for state in states if state.is_pending]
            if pending:
                run_wave(pending)


def _may_lack_steps(canary: CanaryState) -> bool:
    """Says whether a canary of fewer steps than its clips failed a check that a good model may fail with so few."""
    verdict = failed(canary.verdicts) if canary.is_rejected else None
    has_fewer = canary.clip.num_inference_steps < canary.represents_steps
    return has_fewer and verdict is not None and verdict.check in NEED_STEPS


def _failed(states: Sequence[CanaryState]) -> dict[Shape, CanaryState]:
    return {state.segments[0].shape: state for state in states if state.status is Status.FAILED}
