from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from vgpipe.memory import budget
from vgpipe.memory.budget import enforced
from vgpipe.memory.out_of_memory import is_out_of_memory
from vgpipe.memory.placement import place
from vgpipe.memory.strategies import Placement, Role
from vgpipe.units import GIB


def limit_gb(size_bytes: int) -> float:
    return size_bytes / GIB


def test_it_runs_out_at_the_allocation_that_exceeds_the_limit():
    with enforced("cpu", limit_gb(5 * 1024)) as live:
        kept = torch.zeros(512)
        with pytest.raises(torch.OutOfMemoryError, match="tried to allocate") as raised:
            torch.zeros(1024)
        assert is_out_of_memory(raised.value)
        del raised
        torch.zeros(768)
        assert live.live_bytes == 2048 and kept.shape == (512,)


def test_only_what_is_alive_counts():
    with enforced("cpu", limit_gb(5 * 1024)):
        for _ in range(10):
            torch.zeros(1024)


def test_views_and_results_in_place_take_nothing():
    with enforced("cpu", 1) as live:
        made = torch.zeros(1024)
        made.view(2, 512).t().add_(1)
        assert live.top.peak_bytes == 4096


def test_weights_that_were_loaded_before_count():
    net = torch.nn.Linear(32, 32)
    with enforced("cpu", limit_gb(6000)) as live:
        budget.hold([net, "a tokenizer"])
        assert live.live_bytes == 4096 + 512
        with pytest.raises(torch.OutOfMemoryError):
            torch.zeros(512)


def test_weights_that_a_hook_fetches_from_a_file_count(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Linear(64, 64)).requires_grad_(False)
    x = torch.ones(1, 64)
    place(net, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path)
    layer = 64 * 64 * 4 + 512
    with enforced("cpu", limit_gb(layer + 4 * 512)) as live:
        budget.hold([net])
        net(x)
        assert live.top.peak_bytes > layer
    with enforced("cpu", limit_gb(layer - 512)), pytest.raises(torch.OutOfMemoryError):
        net(x)


def test_what_is_done_while_suspended_does_not_count():
    with enforced("cpu", limit_gb(1024)) as live:
        with budget.suspended():
            made = torch.zeros(1024)
        assert live.live_bytes == 0
        with pytest.raises(torch.OutOfMemoryError):
            budget.hold_tensors([made])


def test_without_a_limit_no_mode_is_active():
    with enforced("cpu", None) as live, budget.suspended():
        assert live is None and not _get_current_dispatch_mode_stack()
        budget.hold([torch.nn.Linear(2, 2)])


def test_a_counter_does_not_outlive_its_block_in_the_weights_it_followed():
    net = torch.nn.Linear(2, 2)
    with enforced("cpu", 1) as live:
        budget.hold([net])
    gone = weakref.ref(live)
    del live
    gc.collect()
    assert gone() is None and net.weight.shape == (2, 2)


@pytest.mark.parametrize(("device", "where"), [("cuda", ("cuda",)), ("cuda:1", ("cuda:1",)), ("xpu:0", ("xpu:0",))])
def test_a_card_is_capped_by_torch_and_freed_of_it_afterwards(monkeypatch, device, where):
    set_to = []
    kind = device.partition(":")[0]
    module = getattr(torch, kind)
    total = type("Properties", (), {"total_memory": 16 * GIB})
    monkeypatch.setattr(module, "get_device_properties", lambda _device: total)
    monkeypatch.setattr(module, "set_per_process_memory_fraction", lambda *told: set_to.append(told), raising=False)
    with enforced(device, 4) as live:
        assert live is None and set_to == [(0.25, *where)]
    assert set_to == [(0.25, *where), (1.0, *where)]


def test_a_mac_is_capped_of_what_it_recommends(monkeypatch):
    set_to = []
    monkeypatch.setattr("torch.mps.recommended_max_memory", lambda: 8 * GIB)
    monkeypatch.setattr("torch.mps.set_per_process_memory_fraction", set_to.append)
    with pytest.raises(RuntimeError), enforced("mps", 2):
        raise RuntimeError
    assert set_to == [0.25, 1.0]


@pytest.mark.gpu
def test_a_card_really_runs_out():
    with enforced("cuda", 0.5):
        with pytest.raises(torch.OutOfMemoryError) as raised:
            torch.zeros(GIB, dtype=torch.uint8, device="cuda")
        assert is_out_of_memory(raised.value)
    torch.cuda.empty_cache()
    assert torch.zeros(GIB, dtype=torch.uint8, device="cuda").is_cuda
