from __future__ import annotations

import pytest

from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Strategy, choose
from vgpipe.memory.tracker import measured


def residency(strategy):
    loaded: list[str] = []

    def load(name: str) -> object:
        loaded.append(name)
        return object()

    return Residency(strategy, load, "cpu"), loaded


def run_twice(made):
    for _ in range(2):
        with made.stage() as parts:
            first = parts(("tokenizer", "text_encoder"))
            assert parts(("text_encoder",))["text_encoder"] is first["text_encoder"]
        with made.stage() as parts:
            parts(("vae",))


def test_staged_loads_each_component_once_a_wave():
    made, loaded = residency(Strategy.STAGED)
    run_twice(made)
    assert loaded == ["tokenizer", "text_encoder", "vae"] * 2 and made.loads["vae"] == 2


def test_resident_loads_each_component_once_a_run():
    made, loaded = residency(Strategy.RESIDENT)
    run_twice(made)
    assert loaded == ["tokenizer", "text_encoder", "vae"]


def test_a_stage_without_work_loads_nothing():
    made, loaded = residency(Strategy.STAGED)
    with made.stage():
        pass
    assert loaded == []


def test_staged_frees_even_when_the_stage_fails():
    made, loaded = residency(Strategy.STAGED)
    with pytest.raises(RuntimeError), made.stage() as parts:
        parts(("vae",))
        raise RuntimeError
    with made.stage() as parts:
        parts(("vae",))
    assert loaded == ["vae", "vae"]


@pytest.mark.parametrize(
    ("wanted", "total", "free", "expected"),
    [
        ("auto", 25, 100, Strategy.RESIDENT),
        ("auto", 26, 100, Strategy.STAGED),
        ("auto", 1, 0, Strategy.STAGED),
        ("resident", 99, 1, Strategy.RESIDENT),
        ("staged", 1, 99, Strategy.STAGED),
    ],
)
def test_auto_goes_by_size_and_free_memory(wanted, total, free, expected):
    assert choose(wanted, {"a": total - 1, "b": 1}, free) is expected


def test_the_peak_of_a_block_is_its_own_and_not_the_process_highest():
    with measured("cpu") as large:
        block = bytearray(300 << 20)
        block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
        del block
    with measured("cpu") as small:
        pass
    assert small.ram_gb is not None and large.ram_gb is not None
    assert large.ram_gb - small.ram_gb > 0.2
    assert small.vram_gb is None


def test_the_peak_is_told_when_the_block_fails():
    with pytest.raises(MemoryError), measured("cpu") as peak:
        raise MemoryError
    assert peak.ram_gb is not None
