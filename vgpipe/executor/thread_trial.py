"""Which clips a trial of thread counts needs, whether it is worth its time, and what earlier ones found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.executor.past_trials import PastTrials, conditions_of
from vgpipe.executor.waves import canaries, startable
from vgpipe.fallback.history import notes_of
from vgpipe.plans.starting_point import StartingPlan
from vgpipe.plans.worker_devices import MAX_TRIAL_S, MIN_CLIPS, TRIAL_STEPS
from vgpipe.store.artifacts import Store


@dataclass(frozen=True, slots=True)
class ThreadTrial:
    """A trial of thread counts on clips of a few steps.

    Attributes:
        keys: computes the canaries' store keys.
        store: where the canaries' latents are; the seconds they took say whether a trial is worth its time.
        canary_steps: denoising steps of a canary.
        past: what earlier runs found.
    """

    keys: ArtifactKeys
    store: Store
    canary_steps: int
    past: PastTrials

    def clips(self, pending: Sequence[ClipState]) -> list[CanaryState]:
        """Returns the clips to try; none where there is little to make, or a shape is left out that bits depend on."""
        segments = startable(pending)
        tried = canaries(segments, TRIAL_STEPS, self.keys) if len(segments) >= MIN_CLIPS else []
        shapes = {state.segments[0].shape for state in tried}
        return tried if shapes == {segment.shape for state in pending for segment in state.segments} else []

    def known_seconds(self, tried: Sequence[CanaryState]) -> Mapping[int, float]:
        """Returns what an earlier trial measured: thread count -> seconds, where bits are kept; empty without one."""
        return self.past.thread_seconds(tried)

    def is_short(self, pending: Iterable[ClipState]) -> bool:
        """Says whether a trial takes seconds, by what canaries took in this run or an earlier one."""
        took_s = sum(map(self._canary_s, canaries(startable(pending), self.canary_steps, self.keys)))
        return took_s * TRIAL_STEPS / self.canary_steps < MAX_TRIAL_S

    def _canary_s(self, canary: CanaryState) -> float:
        artifact = self.store.find(canary.keys.latents)
        if artifact is not None:
            return float(artifact.info["seconds"])
        seconds = self.past.canary_s(canary)
        return MAX_TRIAL_S if seconds is None else seconds


def known_thread_seconds(
    config: Config, keys: ArtifactKeys, store: Store, pending: Sequence[ClipState], plan: StartingPlan
) -> Mapping[int, float]:
    """Returns what an earlier trial measured on this CPU: thread count -> seconds; empty where nothing is noted.

    Imports no torch.

    Args:
        config: the whole config.
        keys: computes store keys.
        store: where the notes are.
        pending: the clips to make.
        plan: says where components live.
    """
    past = PastTrials(notes_of(store), keys, conditions_of(config, "cpu", plan.strategies()))
    trial = ThreadTrial(keys, store, config.executor.canary_steps, past)
    return trial.known_seconds(trial.clips(pending))
