"""Which finished files in the store a run takes: those that pass its checks, or that nothing can be done about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.degradation import CHECKS, SEED, Degradation
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.clips.judging import Judge, failed
from vgpipe.clips.scoring import Scoring
from vgpipe.config.schema import Config
from vgpipe.fallback.safer import SaferTries
from vgpipe.job.clip import Clip
from vgpipe.job.drafts import segments_made
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Artifact, Store


@dataclass(frozen=True, slots=True)
class FilesGate:
    """Judges finished files by the numbers that lie with them, and by the limits of this run.

    Attributes:
        judge: knows the limits.
        tries: knows what is left to try where a check fails.
        scoring: knows whether a preview is still to be judged; None: nobody asks.
    """

    judge: Judge
    tries: SaferTries
    scoring: Scoring | None = None

    def takes(self, state: ClipState, artifacts: Sequence[Artifact]) -> bool:
        """Returns whether a clip's files are taken; else it is made, as one of which a check failed.

        Args:
            state: as it was asked for.
            artifacts: its files.
        """
        if self.scoring is not None and self.scoring.is_missing(state):
            return False
        return self._pass(state.clip, artifacts, state.draft) or not self.tries.is_left(state)

    def takes_clip(
        self, clip: Clip, keys: Sequence[ClipKeys], finished: FinishedFiles, draft: int | None = None
    ) -> bool:
        """Returns whether a clip has its files in the store and they are taken.

        Args:
            clip: as it was asked for.
            keys: store keys of its segments.
            finished: finds its files.
            draft: the steps after which it stops; None where it is made to the end.
        """
        artifacts = finished.found(keys[0])
        if artifacts is None:
            return False
        return self.takes(self.tries.keys.new_state(clip, keys=keys, draft=draft), artifacts)

    def passes(self, state: ClipState, artifacts: Sequence[Artifact] | None) -> bool:
        """Returns whether a clip or a canary has its files, and no check rejects them."""
        if artifacts is None:
            return False
        return self._pass(state.clip, artifacts, state.draft, has_few_steps=state.has_few_steps)

    def takes_fallback(
        self,
        clip: Clip,
        degradations: Collection[Degradation],
        artifacts: Sequence[Artifact],
        draft: int | None = None,
    ) -> bool:
        """Returns the same of a clip that an earlier run did not make as asked.

        Args:
            clip: what that run made.
            degradations: what it reported.
            artifacts: its files.
            draft: the steps after which the clip stops; None where it is made to the end.
        """
        kinds = {one.kind for one in degradations}
        if self.judge.is_off:
            return kinds.isdisjoint((CHECKS, SEED))  # the clip as asked counts, good or bad
        if self._pass(clip, artifacts, draft):
            return True
        state = self.tries.keys.new_state(clip, degradations=tuple(degradations), draft=draft)
        return not self.tries.is_left(state)

    def _pass(
        self, clip: Clip, artifacts: Sequence[Artifact], draft: int | None = None, *, has_few_steps: bool = False
    ) -> bool:
        if self.judge.is_off:
            return True
        prompts = [one.clip.prompt for one in segments_made(clip, draft)]
        is_canary = has_few_steps or draft is not None
        return failed(self.judge.clip(prompts, artifacts, is_canary=is_canary, is_heard=clip.audio is None)) is None


def files_gate_of(config: Config, keys: ArtifactKeys, store: Store | None = None) -> FilesGate:
    """Returns the gate of a run.

    Args:
        config: the whole config.
        keys: computes store keys.
        store: where scores are; None: previews are taken whether judged or not.
    """
    scoring = None if store is None else Scoring(config.judge, store)
    return FilesGate(Judge(config.checks.limits), SaferTries(keys, config.run.degrade), scoring)
