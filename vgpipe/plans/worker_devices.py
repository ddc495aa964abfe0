"""On which devices of this machine the workers of a run compute; imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vgpipe.config.executor_schema import RayConfig
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault
from vgpipe.hardware import host
from vgpipe.hardware.accelerators import usable_accelerators
from vgpipe.hardware.cpu_threads import threads_at_once
from vgpipe.hardware.records import Device
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.choice.per_stage import strategies_of
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.target import MACHINE_FILE
from vgpipe.store.notes import Notes
from vgpipe.units import counted
from vgpipe.user_cache import user_cache_folder
from vgpipe.vocabulary import DENOISE

AUTO, CPU = "auto", "cpu"
MIN_CLIPS = 8
"""Fewer clips are made sooner by one worker of a CPU: a trial and the start of others take a few seconds."""
MAX_TRIAL_S = 5.0
"""Seconds that a trial of thread counts may take."""
TRIAL_STEPS = 8
RAM_SHARE = 0.9
"""Share of the free RAM that several workers may take together."""


@dataclass(frozen=True, slots=True)
class WorkerDevices:
    """The devices of a run's workers.

    Attributes:
        devices: torch device string of each worker. One: in this process, as `hardware.device` says.
        needs_trial: whether a trial decides how many of them work; then all are the CPU.
    """

    devices: tuple[str, ...]
    needs_trial: bool = False


def worker_devices(config: Config, clips: int, forecasts: Sequence[Forecast] | None) -> WorkerDevices:
    """Returns the devices for `executor.workers`, never more than there are clips.

    Args:
        config: the whole config.
        clips: how many are left to make; a long one counts once.
        forecasts: what is planned for their kinds, on one of the devices alone; None where nothing is planned.

    Raises:
        ConfigError: for more workers than there are GPUs.
    """
    wanted, hardware = config.executor.workers, config.hardware
    if wanted == 1 or clips <= 1:
        return WorkerDevices((hardware.device,))
    gpus = gpus_of(hardware.device)
    if not gpus and hardware.device not in (AUTO, CPU):
        return WorkerDevices((hardware.device,))  # it is not there, as whoever takes it will say
    if isinstance(wanted, int):
        _refuse_too_many(wanted, hardware.device, gpus)
        found = [gpu.torch_device for gpu in gpus] or [CPU] * wanted
        return WorkerDevices(tuple(found[: min(wanted, clips)]))
    if gpus:
        several = tuple(gpu.torch_device for gpu in gpus[:clips])
        return WorkerDevices(several if len(several) > 1 else (hardware.device,))
    most = _most_on_cpu(config, clips, forecasts)
    return WorkerDevices((CPU,) * most, needs_trial=True) if most > 1 else WorkerDevices((hardware.device,))


def is_elsewhere(config: Config) -> bool:
    """Says whether workers run on machines that only a Ray cluster knows, or not where this one's GPUs say."""
    executor = config.executor
    return isinstance(executor, RayConfig) and (executor.address is not None or executor.num_gpus == 0)


def gpus_of(wanted: str) -> tuple[Device, ...]:
    """Returns the GPUs that `hardware.device` leaves the choice of; none for a CPU, or for what is not there.

    Args:
        wanted: `auto`, `cpu`, `cuda`, `cuda:1`, ...
    """
    if wanted == CPU:
        return ()
    found = usable_accelerators(Notes(user_cache_folder() / MACHINE_FILE))
    kinds = [gpu.torch_device.partition(":")[0] for gpu in found]
    kind, _, index = wanted.partition(":")
    if wanted == AUTO:
        kind = kinds[0] if kinds else CPU
    alike = tuple(gpu for gpu, its_kind in zip(found, kinds, strict=True) if its_kind == kind)
    return tuple(gpu for gpu in alike if gpu.index == int(index)) if index else alike


def may_be_several(config: Config, clips: int | None = None) -> bool:
    """Guesses, before anything is planned, whether a run will have several workers on this machine.

    Args:
        config: the whole config.
        clips: how many there are; None where that is not known yet.
    """
    wanted, hardware = config.executor.workers, config.hardware
    if wanted != AUTO or (clips is not None and clips < 2):
        return wanted not in (AUTO, 1) and clips != 1
    if (gpus := gpus_of(hardware.device)) or hardware.device not in (AUTO, CPU):
        return len(gpus) > 1
    return _may_share_cpu(config) and (clips is None or clips >= MIN_CLIPS)


def _refuse_too_many(wanted: int, device: str, gpus: Sequence[Device]) -> None:
    if not gpus or wanted <= len(gpus):
        return
    what = f"{counted(wanted, 'worker')}, each with a GPU of its own, but torch can use {_listed(gpus)}"
    if ":" in device:
        what = f"{counted(wanted, 'worker')}, but hardware.device={device} is one GPU"
    remedy = f"executor.workers={len(gpus)}{' or fewer' * (len(gpus) > 1)}, or hardware.device=cpu"
    raise ConfigError("too many workers; nothing was started", [Fault("executor.workers", what, remedy)])


def _listed(gpus: Sequence[Device]) -> str:
    return f"{counted(len(gpus), 'GPU')}: {', '.join(f'{gpu.name} ({gpu.torch_device})' for gpu in gpus)}"


def _may_share_cpu(config: Config) -> bool:
    """Says whether workers that share a CPU may be faster, and keep a limit of memory that is one process's own."""
    hardware = config.hardware
    return hardware.threads is None and hardware.memory_limit_gb is None and threads_at_once() > 1


def _most_on_cpu(config: Config, clips: int, forecasts: Sequence[Forecast] | None) -> int:
    """Returns how many workers are worth a trial on a CPU; 1 for none."""
    if clips < MIN_CLIPS or not forecasts or not _may_share_cpu(config) or not _can_be_tried(forecasts):
        return 1
    free = host.available_ram_bytes()
    need = max(forecast.ram_bytes for forecast in forecasts)
    fitting = clips if free is None else int(free * RAM_SHARE / max(need, 1))
    return max(1, min(threads_at_once(), clips, fitting))


def _can_be_tried(forecasts: Sequence[Forecast]) -> bool:
    """Says whether a trial is possible: everything stays loaded, and a few steps of each kind of clip are quick."""
    if any(set(strategies_of(one).values()) != {Strategy.RESIDENT} for one in forecasts):
        return False
    return sum(map(_least_trial_s, forecasts)) < MAX_TRIAL_S


def _least_trial_s(forecast: Forecast) -> float:
    found = [stage.seconds for stage in forecast.stages if stage.stage == DENOISE and stage.seconds is not None]
    steps = max(1, forecast.spec.num_inference_steps)
    return sum(span[0] for span in found) * min(TRIAL_STEPS, steps) / steps
