"""How many workers make the clips of a run on this machine, where, and with how many threads each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.executor.workers.pool import Slot
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.starting_point import StartingPlan
from vgpipe.plans.worker_devices import CPU, worker_devices

LEAST_GAIN = 1.15
"""How many times as fast several workers must be than one; else one spares the RAM of the others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The workers of a run.

    Attributes:
        slots: one for each. A single one means: in this process, as if there were no workers.
        needs_trial: whether only the first is to start, and the `Tuned` of its trial says how many of the others
            follow (`share_of`); where it has none, no other does.
    """

    slots: tuple[Slot, ...]
    needs_trial: bool = False

    @property
    def are_several(self) -> bool:
        """Whether they are other processes than this one."""
        return len(self.slots) > 1


@dataclass(frozen=True, slots=True)
class Share:
    """How workers share the cores of a CPU.

    Attributes:
        workers: how many there are.
        threads: CPU threads of denoising of each.
    """

    workers: int
    threads: int


def wanted_slots(config: Config, pending: Sequence[ClipState], plan: StartingPlan | None) -> Wanted:
    """Returns the workers that `executor.workers` means here.

    Args:
        config: the whole config.
        pending: the clips that are left to make.
        plan: what was planned for them; None where nothing is.

    Raises:
        ConfigError: for more workers than there are GPUs.
    """
    found = worker_devices(config, len(pending), None if plan is None else _forecasts(pending, plan))
    names = (f"{CPU}-{number}" if device == CPU else device for number, device in enumerate(found.devices, start=1))
    slots = tuple(Slot(name, device) for name, device in zip(names, found.devices, strict=True))
    return Wanted(slots, found.needs_trial)


def _forecasts(pending: Sequence[ClipState], plan: StartingPlan) -> list[Forecast]:
    """Returns what is planned for each kind of clip."""
    found = (plan.forecast_of(segment.planned) for state in pending for segment in state.segments)
    return list({forecast.spec: forecast for forecast in found if forecast is not None}.values())


def share_of(seconds: Mapping[int, float], most: int) -> Share:
    """Returns the workers, and the threads of each, that make the most clips in the same time.

    Args:
        seconds: thread count -> seconds of the same trial in one process, of those that keep the bits; not empty. The
            largest is the number of threads that one process uses.
        most: how many workers there may be.

    Returns:
        One worker with its fastest number of threads, where several are not clearly faster.
    """
    cores = max(seconds)
    alone = min(seconds, key=lambda count: seconds[count])
    best, rate = Share(1, alone), LEAST_GAIN / seconds[alone]
    for count in sorted(seconds, reverse=True):
        workers = min(cores // count, most)
        if workers > 1 and workers / seconds[count] > rate:
            best, rate = Share(workers, count), workers / seconds[count]
    return best


def threads_of(seconds: Mapping[int, float], workers: int) -> int | None:
    """Returns the threads that each of a given number of workers uses to denoise; None leaves them as they are.

    Args:
        seconds: as `share_of` takes it; empty where no trial was possible.
        workers: how many there are.
    """
    fair = [count for count in seconds if count * workers <= max(seconds)]
    return min(fair, key=lambda count: seconds[count], default=min(seconds, default=None))
