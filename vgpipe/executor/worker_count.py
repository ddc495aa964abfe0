"""How many workers make the clips of a run on this machine, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.executor.workers.pool import Slot
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.starting_point import StartingPlan, refuses_what_cannot_fit
from vgpipe.plans.worker_devices import CPU, worker_devices


@dataclass(frozen=True, slots=True)
class Wanted:
    """The workers of a run.

    Attributes:
        slots: one for each. A single one on `here` means: in this process, as if there were no workers.
        here: what this process computes on, as `hardware.device` says.
        needs_trial: whether only the first is to start, and the `Tuned` of its trial says how many of the others
            follow (`plans.core_share.best_share`); where it measured nothing, no other does.
    """

    slots: tuple[Slot, ...]
    here: str
    needs_trial: bool = False

    @property
    def are_several(self) -> bool:
        """Whether they are other processes than this one: also where of several GPUs one alone holds the clips."""
        return len(self.slots) > 1 or self.slots[0].device != self.here


def wanted_slots(config: Config, pending: Sequence[ClipState], plan: StartingPlan | None) -> Wanted:
    """Returns the workers that `executor.workers` means here.

    Args:
        config: the whole config.
        pending: the clips that are left to make.
        plan: what was planned for them; None where nothing is.

    Raises:
        ConfigError: for more workers than there are GPUs.
    """
    if isinstance(plan, RunPlan):
        return _of_plan(plan, config, len(pending))
    found = worker_devices(config, len(pending), None)
    names = (f"{CPU}-{number}" if device == CPU else device for number, device in enumerate(found.devices, start=1))
    slots = tuple(Slot(name, device) for name, device in zip(names, found.devices, strict=True))
    return Wanted(slots, config.hardware.device)


def _of_plan(plan: RunPlan, config: Config, clips: int) -> Wanted:
    crew, here = plan.crew, config.hardware.device
    if crew is None:
        return Wanted((Slot(here, here),), here)
    holding = [member for member in crew.members if member.holds_any or not refuses_what_cannot_fit(config.run)]
    # Where none holds any, the driver says so of each clip.
    slots = [Slot(member.name, member.device) for member in holding or crew.members]
    return Wanted(tuple(slots[:clips]), here, crew.needs_trial)
