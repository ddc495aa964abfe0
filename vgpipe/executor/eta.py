"""Estimates the time left of a run from what its stages took so far."""

from __future__ import annotations

from collections.abc import Mapping

from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT

TYPICAL_SHARE = {ENCODE: 0.02, DENOISE: 1.0, DECODE: 0.15, EXPORT: 0.05}
"""What a piece of a stage takes relative to denoising, until it is measured."""


class Eta:
    """Estimates the time left from the seconds of each stage so far by size, and from the steps of the first clip."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._sizes: dict[str, float] = {}
        self._on_trial: set[str] = set()
        self._steps_s: float | None = None
        self._first_step: tuple[float, int] | None = None

    def add(self, stage: str, seconds: float, size: float = 1.0) -> None:
        """Notes one finished piece of a stage.

        Args:
            stage: which.
            seconds: what it took.
            size: how much work it is, relative to the mean of its stage.
        """
        if stage in self._on_trial:
            self._on_trial.discard(stage)
            del self._seconds[stage], self._sizes[stage]
        self._note(stage, seconds, size)

    def add_trial(self, stage: str, seconds: float, size: float = 1.0) -> None:
        """Notes a piece of a canary, which counts until the first other one: its few steps bear all that comes first.

        Args:
            stage: which.
            seconds: what it takes for a clip of its size.
            size: as for `add`.
        """
        if stage in self._on_trial or stage not in self._sizes:
            self._on_trial.add(stage)
            self._note(stage, seconds, size)

    def _note(self, stage: str, seconds: float, size: float) -> None:
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        self._sizes[stage] = self._sizes.get(stage, 0.0) + size

    def mean_s(self, stage: str) -> float | None:
        """Returns the seconds of a piece of size 1; None before the first."""
        return self._seconds[stage] / self._sizes[stage] if stage in self._sizes else None

    def begin(self) -> None:
        """Notes that another piece begins: its steps are timed from its first one on, which may include loading."""
        self._first_step = None

    def step(self, now_s: float, done: int, total: int, size: float = 1.0) -> None:
        """Notes the steps of a denoising, whose pace serves until the first denoising is measured.

        Args:
            now_s: a monotonic clock.
            done: steps that are done, those before a checkpoint included.
            total: all steps.
            size: of the piece.
        """
        first_s, first = self._first_step = self._first_step or (now_s, done)
        if done > first:
            self._steps_s = (now_s - first_s) / (done - first) * total / size

    def note_pace(self, seconds: float) -> None:
        """Notes what a denoising takes, by the pace of steps that other estimates have timed."""
        self._steps_s = seconds

    @property
    def pace_s(self) -> float | None:
        """What a denoising takes by the pace of its steps; None before the second step."""
        return self._steps_s

    def speed(self, everyone: Eta) -> float:
        """Returns how fast these pieces were made, relative to those of all workers; 1.0 while nothing tells.

        Args:
            everyone: what pieces took on all workers, those noted here included.
        """
        stages = [stage for stage in (DENOISE, DECODE) if stage in self._sizes]
        if stages:
            took_s = sum(self._seconds[stage] for stage in stages)
            usual_s = sum(self._sizes[stage] * (everyone.mean_s(stage) or 0.0) for stage in stages)
        else:
            took_s, usual_s = self._steps_s or 0.0, everyone.typical_s(DENOISE) or 0.0
        return usual_s / took_s if took_s and usual_s else 1.0

    def typical_s(self, stage: str) -> float | None:
        """Returns the seconds of a piece of size 1; before the first, its share of a denoising; None without any."""
        mean = self.mean_s(stage)
        denoise_s = self.mean_s(DENOISE) or self._steps_s
        if mean is not None or denoise_s is None:
            return mean
        return denoise_s * TYPICAL_SHARE.get(stage, 0.0)

    def remaining_s(self, remaining: Mapping[str, float]) -> float | None:
        """Returns the seconds left for the given work of each stage; None while nothing tells what it takes."""
        means = {stage: self.typical_s(stage) for stage, count in remaining.items() if count}
        if any(mean is None for mean in means.values()):
            return None
        return sum((mean or 0.0) * remaining[stage] for stage, mean in means.items())
