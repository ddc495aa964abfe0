"""What a run begins with where memory is concerned: as the plan chose, else as the config says."""

from __future__ import annotations

from vgpipe.config.schema import Config
from vgpipe.executor.planning import RunPlan
from vgpipe.executor.work import ClipWork
from vgpipe.memory.strategies import AUTO, Strategy
from vgpipe.stages.keys import DECODE, DENOISE, ENCODE

GIB = 1 << 30


def first_strategies(config: Config, plan: RunPlan | None) -> dict[str, Strategy]:
    """Returns stage -> where its components live to begin with; `staged` where nothing says otherwise."""
    if plan is not None:
        return plan.strategies()
    wanted = config.memory.strategy
    return dict.fromkeys((ENCODE, DENOISE, DECODE), Strategy.STAGED if wanted == AUTO else Strategy(wanted))


def streams(config: Config, plan: RunPlan | None, device: str) -> bool:
    """Says whether offloaded weights are fetched ahead; only on a CUDA device."""
    wanted = config.memory.stream
    planned = plan is not None and plan.stream
    return device.startswith("cuda") and (planned if wanted is None else wanted)


def predicted_peak_gb(plan: RunPlan | None, work: ClipWork) -> float | None:
    """Returns the largest peak of device memory that the plan foresaw for a clip, GiB; None where it has none."""
    found = [plan.forecast_of(part.planned) for part in work.segments] if plan else []
    peaks = [forecast.peak_bytes for forecast in found if forecast is not None]
    return round(max(peaks) / GIB, 4) if peaks else None
