"""Rates that are really timed."""

from __future__ import annotations

from tests.hardware.fake_devices import fake_torch
from vgpipe.hardware import rates


def test_real_products_and_copies_are_timed(monkeypatch):
    import torch

    monkeypatch.setattr(rates, "ENOUGH_S", 0.01)
    before = torch.get_num_threads()
    assert 0.001 < rates.matmul_tflops("float32", threads=1) < 100
    assert 0.1 < rates.copy_gb_s() < 10_000
    assert torch.get_num_threads() == before


def test_a_precision_that_the_device_lacks_has_no_rate():
    torch = fake_torch()

    def randn(*_sizes, **_options):
        raise RuntimeError("not implemented for 'Half'")

    torch.randn = randn
    torch.float16 = None
    assert rates.matmul_tflops("float16", torch=torch) is None
