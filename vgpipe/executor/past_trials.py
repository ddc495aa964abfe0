"""What earlier runs on this store tried with success, so that no run tries it again: canaries, and thread counts."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.hardware import device_of, host
from vgpipe.hardware.cpu_threads import default_threads
from vgpipe.memory.strategies import Strategy
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import installed_versions
from vgpipe.store.notes import Notes
from vgpipe.vocabulary import DENOISE

CHECKS = "checks"


@dataclass(frozen=True, slots=True)
class PastTrials:
    """Remembers trials by everything that their outcome depends on; texts and seeds are no part of that.

    Attributes:
        notes: what earlier runs learnt.
        keys: computes store keys, which hold the model, the shape, the exporters and the versions of the stages.
        conditions: the rest, as plain values; see `conditions_of`. What canaries are judged by is one of them.
    """

    notes: Notes
    keys: ArtifactKeys
    conditions: Mapping[str, Any]

    def canary_s(self, canary: CanaryState) -> float | None:
        """Returns the seconds that such a canary took to denoise; None where none succeeded, or clips failed since."""
        seconds = None if canary.has_fallback else self.notes.find(self._of_canary(canary))
        return float(seconds) if isinstance(seconds, int | float) else None

    def remember_canary(self, canary: CanaryState) -> None:
        """Notes that a canary succeeded as it was asked for."""
        if canary.is_done and canary.clip == canary.initial and not canary.has_fallback:
            self.notes.remember(self._of_canary(canary), canary.seconds.get(DENOISE, 0.0))

    def forget_canary(self, canary: CanaryState) -> None:
        """Notes that a clip failed which such a canary represents, so that the next run tries one again."""
        if self.canary_s(canary) is not None:
            self.notes.remember(self._of_canary(canary), None)

    def threads(self, canaries: Iterable[CanaryState]) -> int | None:
        """Returns the number of threads that a trial with such canaries found; None where there was none."""
        fact = self.notes.find(self._of_threads(canaries))
        count = fact.get("fastest") if isinstance(fact, dict) else fact  # older versions note the number alone
        return count if isinstance(count, int) and 0 < count <= host.cores() else None

    def thread_seconds(self, canaries: Iterable[CanaryState]) -> dict[int, float]:
        """Returns what a trial with such canaries measured: thread count -> seconds; empty where nothing is noted."""
        fact = self.notes.find(self._of_threads(canaries))
        measured = fact.get("seconds") if isinstance(fact, dict) else None
        found = measured.items() if isinstance(measured, dict) else ()
        return {int(count): seconds for count, seconds in found if count.isdecimal() and _is_time(seconds)}

    def remember_threads(self, canaries: Iterable[CanaryState], count: int, seconds: Mapping[int, float]) -> None:
        """Notes what a trial found, unless other programs may have disturbed it.

        Args:
            canaries: what it denoised.
            count: the fastest number of threads.
            seconds: thread count -> seconds, of those that keep the bits.
        """
        if is_quiet():
            noted = {str(one): round(took_s, 4) for one, took_s in seconds.items()}
            self.notes.remember(self._of_threads(canaries), {"fastest": count, "seconds": noted})

    def _of_canary(self, canary: CanaryState) -> dict[str, Any]:
        digests = [export.digest for export in self._neutral_keys(canary).exports]
        return {"trial": "canary", "exports": digests, **self.conditions}

    def _of_threads(self, canaries: Iterable[CanaryState]) -> dict[str, Any]:
        digests = sorted(self._neutral_keys(canary).latents.digest for canary in canaries)
        conditions = {name: value for name, value in self.conditions.items() if name != CHECKS}
        return {"trial": "threads", "latents": digests, **conditions}

    def _neutral_keys(self, canary: ClipState) -> ClipKeys:
        """Returns the keys of a canary with no text and the first seed."""
        clip = replace(canary.initial, id="canary", prompt="", negative_prompt="", seed=0)
        return self.keys.of_clip(clip)[0]


def conditions_of(config: Config, device: str, strategies: Mapping[str, Strategy]) -> dict[str, Any]:
    """Returns what a trial's outcome depends on beside store keys: versions, machine, memory settings, threads.

    Args:
        config: the whole config.
        device: torch device string.
        strategies: stage -> where its components live to begin with.
    """
    hardware = config.hardware
    return {
        "versions": {**installed_versions(), "python": platform.python_version()},
        "device": [device, device_of(device).name],
        "machine": [host.cpu_name(), host.cores(), platform.system()],
        "threads": _threads(),
        "wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "memory": asdict(config.memory),
        "limits": [hardware.name, hardware.memory_gb, hardware.memory_limit_gb],
        "strategies": {stage: strategy.value for stage, strategy in strategies.items()},
        CHECKS: asdict(config.checks),
    }


def _threads() -> int:
    """Returns torch's number of threads; where it is not imported, what it will say."""
    if "torch" not in sys.modules:
        return default_threads()
    import torch

    return torch.get_num_threads()


def _is_time(value: Any) -> bool:
    return isinstance(value, float | int) and 0 < value < float("inf")


def is_quiet() -> bool:
    """Says whether no other program takes much of the processor; where nobody knows, that none does."""
    if not hasattr(os, "getloadavg"):
        return True
    return os.getloadavg()[0] <= host.cores() + 1  # this program keeps every core busy itself
