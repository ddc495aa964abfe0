"""On which devices workers compute, on machines that the tests do not have."""

from __future__ import annotations

import pytest

from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.hardware.records import Device
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans import worker_devices as module
from vgpipe.plans.worker_devices import WorkerDevices, may_be_several, worker_devices
from vgpipe.units import GIB

CARDS = tuple(Device(index=index, kind="cuda", name=f"RTX {index}") for index in range(3))
ONE = WorkerDevices(("auto",))


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many cards, or a CPU of so many threads and so much free RAM."""

    def with_(*, cards: int = 0, threads: int = 4, free_gb: float = 16.0):
        monkeypatch.setattr(module, "usable_accelerators", lambda _notes: CARDS[:cards])
        monkeypatch.setattr(module, "threads_at_once", lambda: threads)
        monkeypatch.setattr(module.host, "available_ram_bytes", lambda: int(free_gb * GIB))

    return with_


def forecast(*, ram_gb: float = 2.0, denoise_s: float = 1.0, strategy: Strategy = Strategy.RESIDENT) -> Forecast:
    spec = ClipSpec(
        width=32, height=32, num_frames=5, num_inference_steps=20, guidance_scale=5.0, fps=8.0, from_image=False
    )
    stage = StageForecast(
        stage="denoise", allocated_bytes=0, reserved_bytes=0, ram_bytes=int(ram_gb * GIB), weight_bytes=0,
        activation_bytes=0, own_bytes=0, flops=1.0, transfer_bytes=0, seconds=(denoise_s, 2 * denoise_s), method="",
    )  # fmt: skip
    return Forecast(
        model="demo", spec=spec, tier="cpu", strategy=strategy, stream=False, vae_tiling=False, vae_tile_size=None,
        weights={}, stages=(stage,), weight_bytes=0, load_seconds=None, download_bytes=0, disk_bytes=0,
    )  # fmt: skip


def devices(*overrides: str, clips: int = 24, forecasts=None):
    return worker_devices(load(list(overrides)), clips, [forecast()] if forecasts is None else forecasts)


def test_auto_is_a_worker_for_each_card_and_no_more_than_clips(machine):
    machine(cards=3)
    assert devices() == devices("hardware.device=cuda") == WorkerDevices(("cuda:0", "cuda:1", "cuda:2"))
    assert devices(clips=2).devices == ("cuda:0", "cuda:1")
    assert devices(clips=1) == ONE
    assert devices("hardware.device=cuda:1") == WorkerDevices(("cuda:1",))
    machine(cards=1)
    assert devices() == ONE


def test_a_number_of_workers_takes_a_card_each(machine):
    machine(cards=3)
    assert devices("executor.workers=2").devices == ("cuda:0", "cuda:1")
    assert devices("executor.workers=1") == ONE
    with pytest.raises(ConfigError, match=r"executor\.workers: 4 workers.* 3 GPUs: RTX 0 \(cuda:0\).*-> executor.work"):
        devices("executor.workers=4")
    with pytest.raises(ConfigError, match=r"hardware.device=cuda:1 is one GPU -> executor.workers=1, or hardware.dev"):
        devices("executor.workers=2", "hardware.device=cuda:1")
    assert devices("executor.workers=4", "hardware.device=cpu").devices == ("cpu",) * 4


def test_a_card_that_is_not_there_is_left_to_whoever_takes_it(machine):
    machine()
    assert devices("executor.workers=2", "hardware.device=cuda:7") == WorkerDevices(("cuda:7",))


def test_a_cpu_is_shared_where_a_trial_can_tell_by_how_many(machine):
    machine(threads=4, free_gb=16)
    assert devices() == WorkerDevices(("cpu",) * 4, needs_trial=True)
    assert devices("executor.workers=2") == WorkerDevices(("cpu",) * 2)
    assert len(devices(forecasts=[forecast(), forecast(ram_gb=5)]).devices) == 2  # RAM holds two of the larger


@pytest.mark.parametrize(
    ("overrides", "here"),
    [
        ((), {"threads": 1}),
        ((), {"free_gb": 3}),
        (("hardware.threads=4",), {}),
        (("hardware.memory_limit_gb=4",), {}),
        ((), {"clips": 7}),
        ((), {"forecasts": ()}),
        ((), {"forecasts": [forecast(denoise_s=30)]}),
        ((), {"forecasts": [forecast(strategy=Strategy.STAGED)]}),
    ],
)
def test_a_cpu_has_one_worker_where_no_trial_is_worth_it(machine, overrides, here):
    machine(**{name: here[name] for name in ("threads", "free_gb") if name in here})
    given = {name: here[name] for name in ("clips", "forecasts") if name in here}
    assert devices(*overrides, **given) == ONE


def test_the_guess_before_a_plan_agrees(machine):
    machine(threads=4)
    assert (
        may_be_several(load([]))
        and not may_be_several(load([]), 7)
        and not may_be_several(load(["hardware.threads=4"]))
    )
    assert may_be_several(load(["executor.workers=2"])) and not may_be_several(load(["executor.workers=1"]))
    assert not may_be_several(load(["executor.workers=2"]), 1)
    machine(cards=2)
    assert may_be_several(load([]), 2) and not may_be_several(load(["hardware.device=cuda:1"]))
    machine(cards=1)
    assert not may_be_several(load([]))
