"""Turns a profile into the forecast of one strategy on one device, by arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

from vgpipe.memory.strategies import Placement, Role, Strategy
from vgpipe.planner.estimate.device_memory import DeviceUsage, StoredComponent, effective_placement, peak_usage
from vgpipe.planner.estimate.fit import context_bytes, with_verdict
from vgpipe.planner.estimate.host_memory import Counted, HostComponent, PlanInputs, disk_bytes, ram_by_cause
from vgpipe.planner.estimate.step_cache import computed_share, denoisers_of, state_bytes
from vgpipe.planner.estimate.stored_weights import is_bound_to_device
from vgpipe.planner.estimate.time import (
    Transfer,
    bus_seconds,
    calls_of,
    compute_seconds,
    expected_seconds,
    host_seconds,
    load_seconds,
    total_seconds,
    transfer_of,
)
from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.planner.profile_records import ComponentUse, Leaf, Profile, StageProfile
from vgpipe.vocabulary import GGUF, NATIVE

SPARE = 1.45
"""What the caching allocator holds per byte of activations, fragmented blocks included. Published pairs of reserved and
allocated memory, without weights: 1.06 to 2.1, half of them above 1.45 (diffusers#9177, #9231, its page on
ConsisID, and CogVideoX-5b denoising)."""


class _Plan:
    """One way to make the clips of a profile on one device."""

    def __init__(
        self,
        profile: Profile,
        tier: Tier,
        strategy: Strategy,
        stream: bool,
        weights: Mapping[str, str],
        inputs: PlanInputs,
    ):
        self.profile, self.tier, self.strategy, self.inputs = profile, tier, strategy, inputs
        self.is_cpu = tier.kind == "cpu"
        self.stream = stream
        self.weights = {one.name: weights.get(one.name, NATIVE) for one in profile.components}
        self.components = {one.name: StoredComponent(one, self.weights[one.name]) for one in profile.components}
        self.stored = {name: self._stored_bytes(name) for name in self.components}

    def _stored_bytes(self, name: str) -> int:
        if self.weights[name] == GGUF and name in self.inputs.file_bytes:
            return self.inputs.file_bytes[name]
        return self.components[name].whole_bytes(self.leaves(name))

    def leaves(self, name: str) -> tuple[Leaf, ...]:
        """Returns a component's layers, which are the same in every stage that runs it."""
        uses = (use for stage in self.profile.stages for use in stage.uses if use.component == name)
        return next((use.leaves for use in uses), ())

    def where(self, name: str) -> Placement:
        """Returns where a component's weights are while its stage runs."""
        facts = self.components[name].facts
        return effective_placement(
            self.strategy, facts, self.weights[name], is_cpu=self.is_cpu, alike=self._alike(name, facts.role)
        )

    def _alike(self, name: str, role: Role) -> int:
        """Returns how many components of a component's stage have its role."""
        stages = [names for names in map(self._names, self.profile.stages) if name in names]
        return max((sum(self.components[one].facts.role is role for one in names) for names in stages), default=1)

    def standing_bytes(self, name: str, stage: StageProfile) -> int:
        """Returns what a component takes on the device while others of a stage run, unless it is there on call only."""
        in_stage = any(use.component == name for use in stage.uses)
        stays = self.strategy is Strategy.RESIDENT or (
            self.strategy is Strategy.MODEL_OFFLOAD and not self.is_cpu and is_bound_to_device(self.weights[name])
        )
        return self.stored[name] if stays or (in_stage and self.where(name) is Placement.WHOLE) else 0

    def parts(self, stage: StageProfile | None = None) -> tuple[HostComponent, ...]:
        """Returns all components with what they take of RAM and disk."""
        mine = {use.component for use in stage.uses} if stage else set(self.components)
        return tuple(
            HostComponent(
                name=name,
                where=self.where(name),
                stored_bytes=self.stored[name],
                native_bytes=component.facts.weight_bytes,
                leaves=self.leaves(name),
                in_stage=name in mine,
                file_bytes=0 if self.weights[name] == GGUF else component.facts.file_bytes,
            )
            for name, component in self.components.items()
        )

    def held(self, stage: StageProfile) -> DeviceUsage:
        """Returns the device memory at the moment when the stage takes the most."""
        standing = {name: self.standing_bytes(name, stage) for name in self.components}
        on_call = {name: self.stored[name] for name in self._names(stage) if self.where(name) is Placement.ON_CALL}
        last = max(on_call.values(), default=0)  # stays until another one is called, whatever runs in between
        moments = [DeviceUsage(sum(standing.values()) + last, stage.pipeline_bytes)]
        for use in stage.uses:
            others = sum(standing.values()) - standing[use.component] + (0 if use.component in on_call else last)
            own = self._running(use)
            kept = state_bytes(self.inputs.cache, denoisers_of(self.profile, stage))
            moments.append(DeviceUsage(others + own.weight_bytes, own.activation_bytes + kept))
        return max(moments, key=lambda held: held.total_bytes)

    def own_bytes(self, stage: StageProfile) -> int:
        """Returns all weights of a stage's components, as stored, wherever they are."""
        return sum(self.stored[name] for name in self._names(stage))

    def _names(self, stage: StageProfile) -> set[str]:
        return {use.component for use in stage.uses}

    def _running(self, use: ComponentUse) -> DeviceUsage:
        component = self.components[use.component]
        held = peak_usage(component, use, self.where(use.component), stream=self.stream and not self.is_cpu)
        unexplained = self.stored[use.component] - component.whole_bytes(use.leaves)  # a GGUF file of another layout
        share = unexplained if self.where(use.component) in (Placement.WHOLE, Placement.ON_CALL) else 0
        return DeviceUsage(held.weight_bytes + share, held.activation_bytes)


def forecast(
    profile: Profile,
    tier: Tier,
    *,
    strategy: Strategy,
    stream: bool,
    weights: Mapping[str, str],
    vae_tile_size: int | None,
    inputs: PlanInputs,
) -> Forecast:
    """Returns what one way to make a clip takes on a device, and why it does not fit if so.

    Args:
        profile: the model at one size, with the VAE tiled or not.
        tier: the device.
        strategy: where components live.
        stream: whether offloaded weights are prefetched; only for offloading on CUDA.
        weights: component -> stored precision; native if left out.
        vae_tile_size: side of a tile that the profile was taken with, pixels; None is the VAE's own.
        inputs: the plan's other inputs.
    """
    plan = _Plan(profile, tier, strategy, stream, weights, inputs)
    stages = tuple(_stage(plan, stage) for stage in profile.stages)
    found = Forecast(
        model=profile.model,
        spec=profile.spec,
        tier=tier.name,
        strategy=strategy,
        stream=stream,
        vae_tiling=profile.vae_tiling,
        vae_tile_size=vae_tile_size,
        weights=plan.weights,
        stages=stages,
        weight_bytes=sum(plan.stored.values()),
        load_seconds=load_seconds(sum(one.file_bytes or one.weight_bytes for one in profile.components)),
        download_bytes=inputs.download_bytes,
        disk_bytes=disk_bytes(profile, plan.parts(), inputs, is_cpu=plan.is_cpu),
    )
    return with_verdict(found, tier, inputs=inputs)


def _stage(plan: _Plan, stage: StageProfile) -> StageForecast:
    held = plan.held(stage)
    moves = reduce(add, [_moves(plan, stage, use) for use in stage.uses], Transfer())
    needed, resident = (_ram_bytes(plan, stage, held, counted) for counted in (Counted.NEEDED, Counted.RESIDENT))
    return StageForecast(
        stage=stage.stage,
        allocated_bytes=held.total_bytes,
        reserved_bytes=_reserved_bytes(plan, held),
        ram_bytes=needed,
        file_pages_bytes=max(resident - needed, 0),
        weight_bytes=held.weight_bytes,
        activation_bytes=held.activation_bytes,
        own_bytes=plan.own_bytes(stage),
        flops=_flops(stage, plan.profile.spec.num_inference_steps),
        transfer_bytes=moves.to_device_bytes + moves.to_host_bytes,
        seconds=_seconds(plan, stage, moves),
        method=stage.method,
        expected_s=expected_seconds(
            stage,
            plan.tier,
            steps=plan.profile.spec.num_inference_steps,
            dtype=plan.profile.dtype,
            weights=plan.weights,
        ),
    )


def _ram_bytes(plan: _Plan, stage: StageProfile, held: DeviceUsage, counted: Counted) -> int:
    causes = ram_by_cause(
        plan.profile,
        stage,
        plan.parts(stage),
        strategy=plan.strategy,
        stream=plan.stream,
        is_cpu=plan.is_cpu,
        allocated_bytes=held.total_bytes,
        inputs=plan.inputs,
        counted=counted,
    )
    return sum(causes.values())


def _reserved_bytes(plan: _Plan, held: DeviceUsage) -> int:
    if plan.is_cpu:
        return held.total_bytes
    return held.weight_bytes + round(held.activation_bytes * SPARE) + context_bytes(plan.tier, plan.inputs)


def _moves(plan: _Plan, stage: StageProfile, use: ComponentUse) -> Transfer:
    if is_bound_to_device(plan.weights[use.component]) and plan.strategy is Strategy.MODEL_OFFLOAD:
        return Transfer()
    calls = calls_of(use, stage.stage, plan.profile.spec.num_inference_steps)
    return transfer_of(
        plan.where(use.component),
        plan.strategy,
        plan.stored[use.component],
        calls,
        stream=plan.stream,
        is_cpu=plan.is_cpu,
        clips=plan.inputs.clips,
    )


def _flops(stage: StageProfile, steps: int) -> float:
    each = ((use, use.matmul_flops + use.conv_flops + use.attention_flops) for use in stage.uses)
    return sum(calls_of(use, stage.stage, steps) * flops for use, flops in each)


def _seconds(plan: _Plan, stage: StageProfile, moves: Transfer) -> tuple[float, float] | None:
    profile = plan.profile
    compute = compute_seconds(
        stage,
        plan.tier,
        steps=profile.spec.num_inference_steps,
        dtype=profile.dtype,
        weights=plan.weights,
        inputs=plan.inputs,
    )
    if compute is not None:
        shares = computed_share(plan.inputs.cache, profile.spec, denoisers_of(profile, stage))
        compute = compute[0] * shares[0], compute[1] * shares[1]
    bus = bus_seconds(moves, plan.tier, stream=plan.stream and moves.piecewise)
    overlaps = all(plan.components[use.component].facts.role is not Role.DECODER for use in stage.uses)
    return total_seconds(compute, bus, host_seconds(moves), overlap=plan.stream and moves.piecewise and overlaps)
