"""What several workers of a run hold, and when they are done together."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vgpipe.planner.forecast_records import Forecast
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.device_plan import DevicePlan, ShapePlan
from vgpipe.plans.figures import Span, added, clip_seconds

Kinds = tuple[ClipSpec, ...]
"""What a clip consists of: one kind, or that of each segment of a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewMember:
    """One worker.

    Attributes:
        name: its name in logs and the report: `cuda:0`, `cpu-1`.
        device: torch device string.
        plan: what is planned for its device, or for its share of it.
    """

    name: str
    device: str
    plan: DevicePlan

    @property
    def title(self) -> str:
        """Its GPU as people know it, with its name: `RTX 3060 (cuda:0)`."""
        return f"{self.plan.device_name} ({self.name})"

    @property
    def holds_any(self) -> bool:
        """Whether its device holds any kind of clip."""
        return any(shape.chosen is not None for shape in self.plan.shapes)

    @property
    def ram_bytes(self) -> int:
        """The most RAM that it takes."""
        return max((shape.chosen.ram_bytes for shape in self.plan.shapes if shape.chosen), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewPlan:
    """Several workers of one run.

    Attributes:
        members: the workers; those of one kind of device have the same plan.
        jobs: what clips consist of -> how many there are.
        shares_cores: whether all are on the same CPU.
        needs_trial: whether a trial decides how many of them there are.
        gain: how many times as fast they are together as one process, least and most; only where they share cores.
        threads: CPU threads of denoising of each, which a trial has proved to keep the bits; None where none has.
        fits_alone: whether one worker by itself holds all clips.
        free_ram_gb: free RAM of the machine, GiB; None where it is not checked.
    """

    members: tuple[CrewMember, ...]
    jobs: Mapping[Kinds, int]
    shares_cores: bool
    needs_trial: bool = False
    gain: Span = (1.0, 1.0)
    threads: int | None = None
    fits_alone: bool = True
    free_ram_gb: float | None = None

    @property
    def ram_bytes(self) -> int:
        """The most RAM that all workers take together."""
        return sum(member.ram_bytes for member in self.members)

    @property
    def are_alike(self) -> bool:
        """Whether all have the same plan."""
        return all(member.plan is self.members[0].plan for member in self.members)

    def plan_of(self, name: str) -> DevicePlan | None:
        """Returns what is planned for the worker of a name; None where there is no such worker."""
        return next((member.plan for member in self.members if member.name == name), None)

    def holders(self, spec: ClipSpec) -> list[CrewMember]:
        """Returns the workers that hold a kind of clip."""
        return [member for member in self.members if _chosen(member.plan.shapes, spec) is not None]

    def seconds(self, alone: Span | None) -> Span | None:
        """Returns when all clips are made.

        Args:
            alone: seconds of one worker by itself; None where unknown.
        """
        if self.shares_cores:
            return None if alone is None else (alone[0] / self.gain[1], alone[1] / self.gain[0])
        low, high = self._end_s(0), self._end_s(1)
        return None if low is None or high is None else (low, high)

    def _end_s(self, bound: int) -> float | None:
        """Returns when the last clip is done, where each goes to the worker that is done with it first."""
        lanes: dict[int, _Lane] = {}
        for member in self.members:
            lanes.setdefault(id(member.plan), _Lane(member.plan, bound)).add_worker()
        costs = {kinds: [lane.seconds(kinds) for lane in lanes.values()] for kinds in self.jobs}
        if any(None in cost for cost in costs.values()):
            return None
        for kinds in sorted(costs, key=lambda one: -min(filter(None, costs[one]), default=0.0)):
            known = [(lane, cost) for lane, cost in zip(lanes.values(), costs[kinds], strict=True) if cost]
            for _ in range(self.jobs[kinds] if known else 0):
                lane, cost = min(known, key=lambda one: one[0].next_s + one[1])
                lane.take(cost)
        return max((lane.end_s for lane in lanes.values()), default=0.0)


class _Lane:
    """Workers with the same plan, the one that is free first at the top."""

    def __init__(self, plan: DevicePlan, bound: int):
        self._plan, self._bound = plan, bound
        self._free_s: list[float] = []
        loads = [shape.chosen.load_seconds for shape in plan.shapes if shape.chosen]
        self._load_s = loads[0][bound] if loads and loads[0] else 0.0
        self.end_s = 0.0

    def add_worker(self) -> None:
        """Adds a worker."""
        heapq.heappush(self._free_s, self._load_s)

    @property
    def next_s(self) -> float:
        """When a worker is free."""
        return self._free_s[0]

    def seconds(self, kinds: Kinds) -> float | None:
        """Returns what a clip takes; 0 where no worker holds it, None where nobody knows."""
        chosen = [_chosen(self._plan.shapes, spec) for spec in kinds]
        if None in chosen:
            return 0.0
        span = added(clip_seconds(forecast) for forecast in chosen if forecast is not None)
        return None if span is None else span[self._bound]

    def take(self, seconds: float) -> None:
        """Gives a clip to the worker that is free first."""
        self.end_s = max(self.end_s, self._free_s[0] + seconds)
        heapq.heapreplace(self._free_s, self._free_s[0] + seconds)


def _chosen(shapes: Sequence[ShapePlan], spec: ClipSpec) -> Forecast | None:
    return next((shape.chosen for shape in shapes if shape.spec == spec), None)
