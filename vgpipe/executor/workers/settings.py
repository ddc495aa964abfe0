"""What a worker needs to know before its first clip, from what the executor was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.workers.messages import WorkerSettings
from vgpipe.executor.workers.model_digest import family_digest
from vgpipe.executor.workers.pool import Slot
from vgpipe.job.clip import Clip
from vgpipe.plans.device_plan import DevicePlan
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.worker_plan import WorkerPlan

CPU = "cpu"


def worker_settings(
    inputs: ExecutorInputs, slot: Slot, samples: Sequence[Clip], denoise_threads: int | None
) -> WorkerSettings:
    """Returns the settings of the worker of a slot.

    Args:
        inputs: what the executor was given.
        slot: where it runs.
        samples: one clip of each kind that the job has.
        denoise_threads: CPU threads of denoising, which a trial has proved to keep the bits; None leaves them.
    """
    config, plan = inputs.config, _plan(inputs, slot)
    return WorkerSettings(
        worker=slot.name,
        config=replace(
            config,
            hardware=replace(config.hardware, device=slot.device),
            store=replace(config.store, dir=str(inputs.finished.store.root.absolute())),
        ),
        load_plan=inputs.model.plan,
        plan=None if plan is None else WorkerPlan.of(plan),
        run_root=str(inputs.run_dir.root.absolute()),
        samples=tuple(samples),
        texts=dict(inputs.texts.known),
        family_digest=family_digest(inputs.keys.model.family),
        denoise_threads=denoise_threads,
    )


def _plan(inputs: ExecutorInputs, slot: Slot) -> DevicePlan | None:
    """Returns what the driver has planned for a slot's device; None where only the worker knows that device."""
    plan = inputs.plan
    if not isinstance(plan, RunPlan) or slot.node:
        return None
    if plan.crew is not None and (own := plan.crew.plan_of(slot.name)) is not None:
        return own
    return plan if slot.device in (CPU, inputs.config.hardware.device) else None
