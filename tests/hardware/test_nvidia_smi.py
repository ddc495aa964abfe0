from __future__ import annotations

import os
import stat
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hardware.stand_ins import SMI_3060, SMI_4090, smi
from vgpipe.hardware.nvidia_smi import TIMEOUT_S, cards, parse, run_command
from vgpipe.hardware.records import Pcie


def test_a_line_becomes_a_card():
    first, second = cards(smi(SMI_4090, SMI_3060))
    assert (first.index, first.uuid, first.total_mib, first.free_mib) == (0, "aaaa-4090", 24564, 23000)
    assert (first.driver, first.compute_capability) == ("570.86.16", (8, 9))
    assert second.pcie == Pcie(generation=4, width=8)


def test_an_old_driver_that_refuses_a_field_is_asked_again_without_it():
    asked = []

    def run(command):
        asked.append(command[1])
        if "compute_cap" in command[1]:
            return 2, 'Field "compute_cap" is not a valid field to query.\n'
        return 0, SMI_4090.rpartition(",")[0] + "\n"

    (card,) = cards(run)
    assert len(asked) == 2 and card.name == "NVIDIA GeForce RTX 4090" and card.compute_capability is None


def test_what_a_card_does_not_tell_is_none():
    (card,) = parse("0, GRID, GPU-x, [N/A], [Not Supported], [N/A], [N/A], 16, [N/A]\n")
    assert (card.total_mib, card.free_mib, card.driver, card.pcie, card.compute_capability) == (None,) * 5


@pytest.mark.parametrize("answer", [None, (9, "NVIDIA-SMI has failed because it couldn't communicate"), (0, "")])
def test_no_answer_is_no_card_and_a_hanging_tool_is_asked_once(answer):
    asked = []
    assert cards(lambda command: (asked.append(command), answer)[1]) == ()
    assert answer is not None or len(asked) == 1


@given(st.text() | st.lists(st.text(alphabet="0123456789., -[]N/Ax\u0660²"), max_size=12).map(",".join))
def test_nothing_it_may_write_is_an_error(text):
    for card in parse(text):
        assert card.index >= 0 and (card.total_mib is None or card.total_mib >= 0)


@given(st.integers(1, 6), st.sampled_from([1, 2, 4, 8, 16]))
def test_a_link_doubles_with_generation_and_width(generation, width):
    rate = Pcie(generation=generation, width=width).bandwidth_gb_s
    assert Pcie(generation=generation, width=width * 2).bandwidth_gb_s == pytest.approx(2 * rate)
    faster = Pcie(generation=generation + 1, width=width).bandwidth_gb_s
    assert 1.9 * rate < faster < 2.1 * rate


def test_the_rate_of_known_links():
    rates = [Pcie(generation=generation, width=16).bandwidth_gb_s for generation in (1, 2, 3, 4, 5)]
    assert rates == pytest.approx([4.0, 8.0, 15.754, 31.508, 63.015], abs=0.001)


def test_a_missing_tool_is_no_error():
    assert run_command(["vgpipe-no-such-tool"]) is None


def test_a_tools_output_and_exit_code_come_back():
    assert run_command([sys.executable, "-c", "import sys; print('x, y'); sys.exit(3)"]) == (3, f"x, y{os.linesep}")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_hanging_tool_costs_its_time_limit_and_no_more(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nsleep 8\n")
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    started = time.monotonic()
    assert cards() == ()
    assert TIMEOUT_S <= time.monotonic() - started < TIMEOUT_S + 1.5


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_real_process_is_read(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\necho '{SMI_3060}'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [card.name for card in cards()] == ["NVIDIA GeForce RTX 3060"]
