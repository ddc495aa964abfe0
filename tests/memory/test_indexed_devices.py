"""One card of several, and the kinds of card that torch keeps in modules of their own."""

from __future__ import annotations

import pytest

from tests.memory.family_stub import FAMILY
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Strategy
from vgpipe.memory.tracker import measured

KINDS = ("cuda", "xpu", "mps")


@pytest.mark.parametrize(("device", "kind"), [("cuda", "cuda"), ("cuda:1", "cuda"), ("xpu:0", "xpu"), ("mps", "mps")])
def test_freeing_gives_the_memory_of_that_kind_back(monkeypatch, device, kind):
    emptied = []
    for each in KINDS:
        monkeypatch.setattr(f"torch.{each}.empty_cache", lambda each=each: emptied.append(each))
    residency = Residency(lambda _family, part, _placement: part.upper(), device, {"decode": Strategy.STAGED})
    with residency.stage("decode") as take:
        assert take(FAMILY, ("vae",)) == {"vae": "VAE"}
    assert emptied == [kind]


def test_the_peak_of_one_card_of_several_is_its_own(monkeypatch):
    reset = []
    monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", reset.append)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda device: {"cuda:1": 3 << 30}[device])
    with measured("cuda:1") as peak:
        pass
    assert reset == ["cuda:1"] and peak.vram_gb == 3
