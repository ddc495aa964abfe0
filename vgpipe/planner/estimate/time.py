"""The time of a stage: operations by the rates that devices reach, and transfers of weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vgpipe.memory.strategies import Placement, Strategy
from vgpipe.planner.estimate import efficiency
from vgpipe.planner.estimate.efficiency import Range
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.estimate.work_rates import GIGA, work_rates
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import ComponentUse, StageProfile
from vgpipe.vocabulary import DENOISE, NATIVE

FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The weights that a stage moves for one clip.

    Attributes:
        to_device_bytes: from RAM to the device.
        to_host_bytes: from the device to RAM.
        from_files_bytes: from files into RAM or to the device.
        pinned_bytes: copied into pinned RAM, once.
        piecewise: whether they move while the stage computes, not before or after.
    """

    to_device_bytes: int = 0
    to_host_bytes: int = 0
    from_files_bytes: int = 0
    pinned_bytes: int = 0
    piecewise: bool = False

    def __add__(self, other: Transfer) -> Transfer:
        return Transfer(
            to_device_bytes=self.to_device_bytes + other.to_device_bytes,
            to_host_bytes=self.to_host_bytes + other.to_host_bytes,
            from_files_bytes=self.from_files_bytes + other.from_files_bytes,
            pinned_bytes=self.pinned_bytes + other.pinned_bytes,
            piecewise=self.piecewise or other.piecewise,
        )


def calls_of(use: ComponentUse, stage: str, steps: int) -> float:
    """Returns how often a component is called for one clip."""
    return use.calls * (steps if stage == DENOISE else 1)


def transfer_of(
    where: Placement, strategy: Strategy, stored_bytes: int, calls: float, *, stream: bool, is_cpu: bool, clips: int
) -> Transfer:
    """Returns what moving a component's weights costs one clip.

    Args:
        where: where its weights are.
        strategy: where components live.
        stored_bytes: its weights as stored.
        calls: how often it is called for the clip.
        stream: whether RAM is pinned; then nothing is copied back, as the copy in RAM is kept.
        is_cpu: whether RAM is the device.
        clips: clips of a wave, which share what moves once per wave.
    """
    often = round(stored_bytes * calls)
    if where is not Placement.WHOLE and is_cpu:
        return Transfer(from_files_bytes=often, piecewise=True)
    if where is Placement.DISK:
        return Transfer(to_device_bytes=often, from_files_bytes=often, piecewise=True)
    if where is Placement.ON_CALL:  # it leaves once per clip, and returns for the next one
        return Transfer(to_device_bytes=stored_bytes, to_host_bytes=stored_bytes)
    once = stored_bytes // max(clips, 1)
    if where is not Placement.WHOLE and stream:
        return Transfer(to_device_bytes=often, pinned_bytes=once, piecewise=True)
    if where is not Placement.WHOLE:
        return Transfer(to_device_bytes=often, to_host_bytes=often, piecewise=True)
    if is_cpu or strategy is Strategy.RESIDENT:
        return Transfer()
    back = once if strategy is Strategy.MODEL_OFFLOAD else 0
    return Transfer(to_device_bytes=once, to_host_bytes=back)


def bus_seconds(moves: Transfer, tier: Tier, *, stream: bool) -> Range | None:
    """Returns the time of transfers between host and device; None if the rate is unknown.

    Args:
        moves: how much.
        tier: with its rate from host to device; a device without one shares its memory with the host.
        stream: whether RAM is pinned.
    """
    over_bus = moves.to_device_bytes + moves.to_host_bytes
    if tier.pcie_bandwidth_gb_s is None:
        return None if over_bus and tier.kind == "cuda" else (0.0, 0.0)
    unpinned = efficiency.PAGEABLE_PIECES if moves.piecewise else efficiency.PAGEABLE
    shares = efficiency.PINNED if stream else unpinned
    rate = tier.pcie_bandwidth_gb_s * GIGA
    return over_bus / (rate * shares[1]), over_bus / (rate * shares[0])


def host_seconds(moves: Transfer) -> Range:
    """Returns the time to read offloaded weights, possibly from cached files, and to copy them into pinned RAM."""
    size, slow, fast = moves.from_files_bytes, *efficiency.PINNING_GB_S
    least = size / (efficiency.FILES_IN_RAM_GB_S * GIGA) + moves.pinned_bytes / (fast * GIGA)
    most = size / (efficiency.DISK_GB_S[0] * GIGA) + moves.pinned_bytes / (slow * GIGA)
    return least, most


def load_seconds(file_bytes: int) -> Range:
    """Returns the time to read weight files from a disk of unknown kind."""
    slow, fast = efficiency.DISK_GB_S
    return file_bytes / (fast * GIGA), file_bytes / (slow * GIGA)


def expected_seconds(
    stage: StageProfile, tier: Tier, *, steps: int, dtype: str, weights: dict[str, str]
) -> float | None:
    """Returns the most likely compute time of a stage for one clip, without own measurements; None if unknown.

    Args:
        stage: what it does.
        tier: its rates.
        steps: denoising steps.
        dtype: torch name of the denoiser's precision.
        weights: component -> how its weights are stored.
    """
    total = 0.0
    for use in stage.uses:
        rates = work_rates(tier, "float32" if _is_float32(use) else dtype)
        if rates is None:
            return None
        slow = efficiency.SLOWDOWN[weights.get(use.component, NATIVE)]
        total += calls_of(use, stage.stage, steps) * rates.seconds(use) * math.sqrt(slow[0] * slow[1])
    return total


def compute_seconds(
    stage: StageProfile, tier: Tier, *, steps: int, dtype: str, weights: dict[str, str], inputs: PlanInputs
) -> Range | None:
    """Returns the least and most compute time of a stage for one clip; None if a rate is unknown.

    Args:
        stage: what it does.
        tier: its rates.
        steps: denoising steps.
        dtype: torch name of the denoiser's precision.
        weights: component -> how its weights are stored.
        inputs: own measurements, which replace how far others were off.
    """
    expected = expected_seconds(stage, tier, steps=steps, dtype=dtype, weights=weights)
    if expected is None:
        return None
    own = inputs.own_ratios.get(stage.stage)
    if own is not None:
        return expected * own[0], expected * own[1]
    least, most = efficiency.spread_of(stage.stage, tier.kind, is_counted=all(use.kernels for use in stage.uses))
    stored = max((efficiency.SLOWDOWN[weights.get(use.component, NATIVE)] for use in stage.uses), key=_width)
    wider = math.sqrt(_width(stored))
    overhead = 0.0 if stage.stage == DENOISE and tier.kind != "cpu" else efficiency.OVERHEAD_S
    return expected * least / wider, expected * most * wider + overhead


def _width(span: Range) -> float:
    return span[1] / span[0]


def _is_float32(use: ComponentUse) -> bool:
    """Returns whether most of a component's weights, and so its arithmetic, are in float32."""
    wide = sum(leaf.weight_bytes for leaf in use.leaves if leaf.itemsize == FLOAT32_BYTES)
    return 2 * wide > sum(leaf.weight_bytes for leaf in use.leaves)


def total_seconds(compute: Range | None, bus: Range | None, host: Range, *, overlap: bool) -> Range | None:
    """Returns the total time of a stage; None if a part is unknown.

    Args:
        compute: of the device.
        bus: between host and device.
        host: of reading and pinning, by the thread that gives the device its work, so the device waits.
        overlap: whether transfers run while the device computes; then the longer of both counts, and at most a share of
            the shorter.
    """
    if compute is None or bus is None:
        return None
    least = max(compute[0], bus[0]) if overlap else compute[0] + bus[0]
    most = max(compute[1], bus[1]) + min(compute[1], bus[1]) * (efficiency.NOT_HIDDEN if overlap else 1.0)
    return least + host[0], most + host[1]
