"""From the plan of one worker to that of several: one for each GPU, or sharing a CPU and the RAM."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vgpipe.config.schema import Config
from vgpipe.hardware.records import Device
from vgpipe.job.clip import Clip
from vgpipe.plans.core_share import Share, best_share, fair_threads, gain_of
from vgpipe.plans.crew import CrewMember, CrewPlan, Kinds
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.figures import Span
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.target import Target, target_on
from vgpipe.plans.worker_devices import AUTO, CPU, RAM_SHARE, WorkerDevices, gpus_of, is_elsewhere, worker_devices
from vgpipe.units import GIB, counted, format_size

Make = Callable[[Target], RunPlan]
"""Plans the same clips for another device."""
ThreadSeconds = Callable[[RunPlan], Mapping[int, float]]
"""What an earlier trial of thread counts measured for a plan's clips; empty without one."""


def with_crew(
    alone: RunPlan, config: Config, clips: Sequence[Clip], make: Make, thread_seconds: ThreadSeconds | None = None
) -> RunPlan:
    """Returns a plan with the workers that `executor.workers` means for it; the same plan where there is one.

    Args:
        alone: for one worker.
        config: the whole config.
        clips: what was planned.
        make: plans them for another device.
        thread_seconds: looks an earlier trial of thread counts up; None where nobody can.

    Raises:
        ConfigError: for more workers than there are GPUs.
    """
    jobs = Counter(map(alone.profiles.kinds, clips))
    if not alone.target.is_here or is_elsewhere(config):
        return _of_such_devices(alone, config, jobs)
    chosen = [shape.chosen for shape in alone.shapes if shape.chosen]
    found = worker_devices(config, alone.clips, chosen)
    if len(found.devices) < 2 or (found.devices[0] == CPU and not alone.fits):
        return alone
    if found.devices[0] == CPU:
        return _on_cpu(alone, found, jobs, make, thread_seconds(alone) if thread_seconds else {})
    return _on_gpus(alone, config, found.devices, jobs, make)


def _of_such_devices(alone: RunPlan, config: Config, jobs: Mapping[Kinds, int]) -> RunPlan:
    """Plans so many of a device that need not be here; with `auto` nobody knows how many there are."""
    wanted, kind = config.executor.workers, alone.tier.kind
    count = min(wanted, alone.clips) if isinstance(wanted, int) else 1
    names = [f"{kind}:{index}" for index in range(count)]
    members = tuple(CrewMember(name=name, device=name, plan=alone) for name in names)
    plan = alone if count < 2 else replace(alone, crew=_crew(alone, members, jobs))
    if not is_elsewhere(config):
        return plan
    what = f"{counted(count, 'worker')} on {'such a device' if count == 1 else 'such devices'}"
    return replace(plan, notes=(*plan.notes, f"planned for {what}: what a cluster has shows when a run starts"))


def _on_cpu(
    alone: RunPlan, found: WorkerDevices, jobs: Mapping[Kinds, int], make: Make, seconds: Mapping[int, float]
) -> RunPlan:
    count = len(found.devices)
    if found.needs_trial and seconds:
        count = best_share(seconds, count).workers
        if count < 2:
            return alone
    threads = fair_threads(seconds, count)
    plan = alone if found.needs_trial or _has_room(alone, [alone] * count) else make(alone.target.shared_by(count))
    members = tuple(CrewMember(name=f"{CPU}-{number + 1}", device=CPU, plan=plan) for number in range(count))
    crew = CrewPlan(
        members=members,
        jobs=jobs,
        shares_cores=True,
        needs_trial=found.needs_trial and not seconds,
        gain=(1.0, float(count)) if threads is None else _gain(seconds, Share(count, threads)),
        threads=threads,
        fits_alone=alone.fits,
        free_ram_gb=alone.tier.ram_gb,
    )
    return replace(plan, crew=crew, notes=(*plan.notes, *_ram_notes(alone, plan, crew)))


def _gain(seconds: Mapping[int, float], share: Share) -> Span:
    """Returns how many times as fast workers are as one process: other stages gain less than a trial's denoising."""
    gain = min(gain_of(seconds, share), float(share.workers))
    return min(1 + (gain - 1) / 2, gain), max(1 + (gain - 1) / 2, gain)


def _on_gpus(alone: RunPlan, config: Config, devices: Sequence[str], jobs: Mapping[Kinds, int], make: Make) -> RunPlan:
    gpus = {gpu.torch_device: gpu for gpu in gpus_of(config.hardware.device)}
    targets = [_target(alone, config, gpus[device]) for device in devices]
    plans = _plans(targets, make)
    if not _has_room(alone, plans):
        if config.executor.workers == AUTO:  # as many as the RAM of this machine holds
            plans = plans[: _fitting(alone, plans)]
        else:
            plans = _plans([target.shared_by(len(targets)) for target in targets], make)
    if len(plans) < 2:
        return alone
    members = tuple(
        CrewMember(name=device, device=device, plan=_without_unsound(plan, config, plans))
        for device, plan in zip(devices, plans, strict=False)
    )
    crew = _crew(alone, members, jobs)
    shapes = tuple(_best_shape(index, crew) for index in range(len(alone.shapes)))
    return replace(alone, shapes=shapes, crew=crew, notes=(*alone.notes, *_ram_notes(alone, plans[0], crew)))


def _crew(alone: RunPlan, members: Sequence[CrewMember], jobs: Mapping[Kinds, int]) -> CrewPlan:
    """Returns workers that have a GPU each."""
    free_ram_gb = alone.tier.ram_gb
    return CrewPlan(
        members=tuple(members), jobs=jobs, shares_cores=False, fits_alone=alone.fits, free_ram_gb=free_ram_gb
    )


def _target(alone: RunPlan, config: Config, gpu: Device) -> Target:
    """Returns one GPU to plan for; its free memory is rounded down, so that cards that are alike share a plan."""
    found = target_on(config.hardware, gpu, folder=Path(config.store.dir))
    size = found.tier.memory_gb
    rounded = None if size is None else math.floor(size * 10) / 10
    tier = replace(found.tier, memory_gb=rounded, ram_gb=alone.tier.ram_gb, disk_gb=alone.tier.disk_gb)
    return replace(found, tier=tier)


def _plans(targets: Sequence[Target], make: Make) -> list[RunPlan]:
    """Returns a plan for each device; devices that are alike share theirs."""
    known: list[tuple[Target, RunPlan]] = []
    plans = []
    for target in targets:
        plan = next((plan for other, plan in known if other == target), None)
        if plan is None:
            plan = make(target)
            known.append((target, plan))
        plans.append(plan)
    return plans


def _without_unsound(plan: RunPlan, config: Config, plans: Sequence[RunPlan]) -> RunPlan:
    """Returns a plan that holds nothing where its GPU does not compute the model's precision, and another's does."""
    dtype = config.model.dtype
    if dtype in plan.target.dtypes or not any(dtype in other.target.dtypes for other in plans):
        return plan
    why = f"{plan.device_name} does not compute {dtype} soundly; with model.dtype=float32 it takes clips too"
    return replace(plan, shapes=tuple(replace(shape, chosen=None, why=why) for shape in plan.shapes))


def _best_shape(index: int, crew: CrewPlan) -> ShapePlan:
    """Returns what is planned for a kind of clip by the first worker that holds it as asked, or at all."""
    shapes = [member.plan.shapes[index] for member in crew.members]
    request = crew.members[0].plan.request
    as_asked = (shape for shape in shapes if shape.chosen is not None and request.is_kept_by(shape.chosen))
    return next(as_asked, None) or next((shape for shape in shapes if shape.chosen is not None), shapes[0])


def _ram_bytes(plans: Sequence[RunPlan]) -> int:
    return sum(max((shape.chosen.ram_bytes for shape in plan.shapes if shape.chosen), default=0) for plan in plans)


def _has_room(alone: RunPlan, plans: Sequence[RunPlan]) -> bool:
    return alone.tier.ram_gb is None or _ram_bytes(plans) <= RAM_SHARE * alone.tier.ram_gb * GIB


def _fitting(alone: RunPlan, plans: Sequence[RunPlan]) -> int:
    return next(count for count in range(len(plans), 0, -1) if count == 1 or _has_room(alone, plans[:count]))


def _ram_notes(alone: RunPlan, plan: RunPlan, crew: CrewPlan) -> list[str]:
    """Returns a note where the RAM is what bounds the workers."""
    if not plan.fits or plan.tier.ram_gb is None or alone.tier.ram_gb is None or plan.tier.ram_gb == alone.tier.ram_gb:
        return []
    share, free = (format_size(size * GIB) for size in (plan.tier.ram_gb, alone.tier.ram_gb))
    count = counted(len(crew.members), "worker")
    return [f"tight: {count} share {free} of free RAM, {share} each; executor.workers=1 has all of it"]
