"""Rates that are really timed."""

from __future__ import annotations

from tests.hardware.fake_devices import fake_torch
from vgpipe.hardware import rates


def test_every_kind_of_work_is_really_timed(monkeypatch):
    import torch

    monkeypatch.setattr(rates, "ENOUGH_S", 0.01)
    before, timing = torch.get_num_threads(), rates.Timing(torch, threads=1)
    for timed in (rates.matmul_tflops, rates.conv_tflops, rates.attention_tflops):
        assert 0.001 < timed(timing, "float32") < 100
    assert 0.1 < rates.copy_gb_s(timing) < 10_000
    assert 0.1 < rates.elementwise_gb_s(timing) < 10_000
    assert 1e-8 < rates.kernel_s(timing) < 1e-3
    assert torch.get_num_threads() == before


def test_a_precision_that_the_device_lacks_has_no_rate():
    torch = fake_torch()

    def randn(*_sizes, **_options):
        raise RuntimeError("not implemented for 'Half'")

    torch.randn = randn
    torch.float16 = None
    assert rates.matmul_tflops(rates.Timing(torch), "float16") is None
