"""The worker of this process: the model stages on one device, with everything they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.clips.judging import Judge
from vgpipe.clips.scoring import Scoring
from vgpipe.executor.base import WorkInputs
from vgpipe.executor.component_loader import Loader
from vgpipe.executor.kept_models import Conditions
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.stage_checks import StageChecks
from vgpipe.executor.stage_loop import StageLoop, StageReport
from vgpipe.executor.stage_scores import StageScores
from vgpipe.executor.text_turns import OnlyWorker, TextTurns
from vgpipe.executor.thread_trial import ThreadTrial
from vgpipe.executor.thread_tuning import ThreadTuning, threads
from vgpipe.executor.waves import rows
from vgpipe.fallback.context import LadderContext
from vgpipe.fallback.history import notes_of
from vgpipe.fallback.killed import KilledWork
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.fallback.safer import SaferTries
from vgpipe.hardware import device_of
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Placement
from vgpipe.models.base import Family
from vgpipe.plans.starting_point import first_strategies, streams
from vgpipe.store.artifacts import OFFLOAD_FOLDER


class Engine:
    """The model stages on one device; as a context manager it frees the device at the end, but for what is kept.

    Args:
        inputs: what the executor was given.
        device: torch device string.
        ladder: the device's memory ladder.
        report: gets what happens in the stages.
        killed: notes what is at work, for the case that the process is killed.
        frame_users: counts who needs which frames.
        texts: decides who encodes a text; None: this engine each that is missing.
        denoise_threads: CPU threads of denoising, which a trial has proved to keep the bits; None leaves them.
    """

    def __init__(
        self,
        inputs: WorkInputs,
        device: str,
        ladder: MemoryLadder,
        report: StageReport,
        killed: KilledWork,
        frame_users: FrameUsers,
        *,
        texts: TextTurns | None = None,
        denoise_threads: int | None = None,
    ):
        config, store, family = inputs.config, inputs.finished.store, inputs.keys.model.family
        self._inputs, self._device = inputs, device
        stream = streams(config, inputs.plan, device)
        loader = Loader(device=device, stream=stream, offload_dir=store.root / OFFLOAD_FOLDER)
        self._conditions = Conditions(
            device=device, strategies=dict(ladder.strategies), memory_limit_gb=config.hardware.memory_limit_gb
        )
        self._residency: Residency[Family] = Residency(
            _reported(loader, report),
            device,
            ladder.strategies,
            lambda part, seconds: report.event("part_loaded", part=part, seconds=seconds),
        )
        self._denoise_threads = denoise_threads
        self._stages = StageLoop(
            store=store,
            family=family,
            residency=self._residency,
            ladder=ladder,
            report=report,
            at_work_on=killed.at_work,
            should_stop=inputs.stop,
            device=device,
            memory_limit_gb=config.hardware.memory_limit_gb,
            texts=texts or OnlyWorker(),
            checks=StageChecks(
                store,
                Judge(config.checks.limits),
                SaferTries(inputs.keys, config.run.degrade, frame_users),
                report,
            ),
            scores=StageScores(Scoring(config.judge, store)),
            checkpoint_steps=config.executor.checkpoint_steps,
            checkpoint_interval_s=config.executor.checkpoint_interval_s,
        )

    def __enter__(self) -> Engine:
        if self._inputs.kept is not None:
            self._residency.take_over(self._inputs.kept.take(self._conditions, self._inputs.keys.model.family))
        return self

    def __exit__(self, error: object, *_details: object) -> None:
        kept = self._inputs.kept
        if error is None and kept is not None:
            kept.keep(self._conditions, self._residency.hand_over())
        else:
            self._residency.free()

    @property
    def wave_load_s(self) -> float:
        """Seconds that every further wave spends on loading, as far as the stages that ended so far show."""
        return self._residency.wave_load_s

    def run_wave(
        self, wave: Sequence[ClipState], on_decoded: Callable[[ClipState], None], between: Callable[[], None]
    ) -> None:
        """Takes clips through the model stages; of long ones the first segment of each, then the second of each, ...

        Args:
            wave: the clips.
            on_decoded: called with each clip whose frames are complete.
            between: called after each stage.

        Raises:
            Stopped: where the run is to stop; what is done is on the disk.
        """
        self._stages.encode([segment for state in wave for segment in state.segments])
        between()
        for row in rows(wave):
            with threads(self._denoise_threads):
                self._stages.denoise(row)
            between()
            self._stages.decode(row, on_decoded)

    def denoise_with(self, count: int) -> None:
        """Sets the CPU threads of denoising, which a trial has proved to keep the bits."""
        self._denoise_threads = count

    def tune_threads(self, pending: Iterable[ClipState], past: PastTrials) -> int | None:
        """Finds the fastest number of threads for denoising on a CPU and uses it from now on.

        Args:
            pending: the clips to denoise.
            past: what earlier runs found.

        Returns:
            The number; None where it is left as it is.
        """
        if self._may_tune:
            self._denoise_threads = self._tuning(past).fastest_threads(list(pending))
        return self._denoise_threads

    def try_threads(self, tried: Sequence[CanaryState], past: PastTrials) -> Mapping[int, float]:
        """Tries numbers of threads for denoising on a CPU, and keeps the number as it is.

        Args:
            tried: one clip of each shape.
            past: remembers what is found.

        Returns:
            Thread count -> seconds, of those that keep the bits; empty where no trial is possible.
        """
        return self._tuning(past).seconds(tried) if self._may_tune else {}

    @property
    def _may_tune(self) -> bool:
        return self._device == "cpu" and not self._inputs.config.hardware.threads

    def _tuning(self, past: PastTrials) -> ThreadTuning:
        inputs = self._inputs
        trial = ThreadTrial(inputs.keys, inputs.finished.store, inputs.config.executor.canary_steps, past)
        return ThreadTuning(trial, self._residency)


def _reported(loader: Loader, report: StageReport) -> Callable[[Family, str, Placement], Any]:
    def load(family: Family, part: str, placement: Placement) -> Any:
        report.loading(part)
        try:
            return loader.load(family, part, placement)
        finally:
            report.loading("")

    return load


def memory_ladder(inputs: WorkInputs, device: str, frame_users: FrameUsers) -> MemoryLadder:
    """Returns the memory ladder of a device.

    Args:
        inputs: what the executor was given.
        device: torch device string.
        frame_users: counts who needs which frames.
    """
    config = inputs.config
    facts = {
        "device": device_of(device).name,
        "kind": device.partition(":")[0],
        "memory_limit_gb": config.hardware.memory_limit_gb,
    }
    context = LadderContext(
        config=config,
        keys=inputs.keys,
        strategies=first_strategies(config, inputs.plan),
        notes=notes_of(inputs.finished.store),
        device=facts,
        forecasts=inputs.plan,
        frame_users=frame_users,
    )
    return MemoryLadder(context)
