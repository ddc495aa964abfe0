"""NVIDIA's cards, listed by a real child process with a fake of the driver's library."""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.hardware.fake_devices import CARD_3060, CARD_4090
from vgpipe.hardware import nvml
from vgpipe.hardware.nvml import cards
from vgpipe.units import MIB

PYNVML = """
import os, time
from types import SimpleNamespace
MIB = 1 << 20

class NVMLError(Exception):
    pass

def _refuse(*_):
    raise NVMLError("Not Supported")

CARDS = [
    SimpleNamespace(name="NVIDIA GeForce RTX 4090", uuid="GPU-AAAA-4090", total=24564 * MIB, free=23000 * MIB,
                    link=(4, 16), capability=(8, 9)),
    SimpleNamespace(name="NVIDIA GeForce RTX 3060", uuid="GPU-bbbb-3060", total=12288 * MIB, free=11500 * MIB,
                    link=(4, 8), capability=(8, 6)),
]

def nvmlInit(): pass
def nvmlSystemGetDriverVersion(): return "570.86.16"
def nvmlDeviceGetCount(): return len(CARDS)
def nvmlDeviceGetHandleByIndex(index): return CARDS[index]
def nvmlDeviceGetName(card): return card.name
def nvmlDeviceGetUUID(card): return card.uuid
def nvmlDeviceGetMemoryInfo(card): return SimpleNamespace(total=card.total, free=card.free, used=0)
def nvmlDeviceGetMaxPcieLinkGeneration(card): return card.link[0]
def nvmlDeviceGetMaxPcieLinkWidth(card): return card.link[1]
def nvmlDeviceGetCudaComputeCapability(card): return card.capability
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Writes a pynvml that the child imports: the one above, and what a test changes of it."""

    def write(changes: str = "") -> None:
        (tmp_path / "pynvml.py").write_text(PYNVML + changes)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(nvml, "TIMEOUT_S", 30.0)

    return write


def test_the_driver_lists_its_cards(driver):
    driver()
    assert cards() == (CARD_4090, CARD_3060)


def test_what_a_card_withholds_is_none(driver):
    names = ("Name", "UUID", "MemoryInfo", "MaxPcieLinkGeneration", "CudaComputeCapability")
    driver("".join(f"nvmlDeviceGet{name} = _refuse\n" for name in names) + "nvmlSystemGetDriverVersion = _refuse\n")
    card = cards()[0]
    assert (card.index, card.name, card.uuid) == (0, "NVIDIA GPU", "")
    assert {card.total_bytes, card.free_bytes, card.driver, card.pcie, card.compute_capability} == {None}


def test_a_lost_card_takes_no_other_along(driver):
    driver("def nvmlDeviceGetHandleByIndex(index): return CARDS[index] if index else _refuse()\n")
    assert cards() == (CARD_3060,)


def test_a_link_that_cannot_be_is_unknown(driver):
    driver("def nvmlDeviceGetMaxPcieLinkWidth(card): return 0xFFFFFFFF\n")
    assert cards()[0].pcie is None and cards()[0].free_bytes == 23_000 * MIB


@pytest.mark.parametrize(
    "changes",
    [
        "nvmlInit = _refuse",
        "raise ImportError('no library')",
        "def nvmlInit(): os._exit(9)",
        "def nvmlDeviceGetCount(): print('[1]'); os._exit(0)",
        "def nvmlDeviceGetCount(): print('not JSON'); return 0",
    ],
)
def test_a_driver_that_fails_in_any_way_lists_nothing(driver, changes):
    driver(changes + "\n")
    assert cards() == ()


def test_this_machine_is_asked_without_an_error():
    assert all(card.index >= 0 for card in cards())


def test_a_missing_interpreter_lists_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    assert cards() == ()


def test_a_hanging_driver_costs_its_time_limit_and_no_more(driver, monkeypatch):
    driver("def nvmlInit(): time.sleep(60)\n")
    monkeypatch.setattr(nvml, "TIMEOUT_S", 1.0)
    started = time.monotonic()
    assert cards() == ()
    assert nvml.TIMEOUT_S <= time.monotonic() - started < nvml.TIMEOUT_S + 1.5


def test_the_child_sees_no_module_of_the_working_directory(driver, tmp_path, monkeypatch):
    driver()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(cards()) == 2 and os.path.exists("json.py")
