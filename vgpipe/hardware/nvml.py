"""Lists NVIDIA's cards by the driver itself, which knows driver version and PCIe link and works without torch."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.hardware.records import Pcie

CHILD = Path(__file__).with_name("nvml_child.py")
TIMEOUT_S = 4.0
"""The longest that a missing, broken or hanging driver may delay a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One NVIDIA card; its `uuid` finds it among torch's devices, whose order may differ."""

    index: int
    name: str
    uuid: str
    total_bytes: int | None
    free_bytes: int | None
    driver: str | None
    pcie: Pcie | None
    compute_capability: tuple[int, int] | None


ListCards = Callable[[], Sequence[Card]]


def cards() -> tuple[Card, ...]:
    """Lists the cards of NVIDIA's driver; empty without NVML or a driver, or where it does not answer in time."""
    output = _run([sys.executable, "-P", str(CHILD)])
    try:
        return tuple(_card(facts) for facts in json.loads(output))
    except (ValueError, KeyError, TypeError):
        return ()


def _run(command: Sequence[str]) -> bytes:
    """Runs a command for at most `TIMEOUT_S`. One that hangs inside the driver cannot be killed, so it is abandoned."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    except OSError:
        return b""
    try:
        return process.communicate(timeout=TIMEOUT_S)[0]
    except subprocess.TimeoutExpired:
        _abandon(process)
        return b""


def _abandon(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    if process.stdout:
        process.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)


def _card(facts: Mapping[str, Any]) -> Card:
    capability = facts["compute_capability"]
    return Card(
        index=facts["index"],
        name=facts["name"] or "NVIDIA GPU",
        uuid=(facts["uuid"] or "").removeprefix("GPU-").lower(),
        total_bytes=facts["total_bytes"],
        free_bytes=facts["free_bytes"],
        driver=facts["driver"],
        pcie=_pcie(facts["pcie_generation"], facts["pcie_width"]),
        compute_capability=(capability[0], capability[1]) if capability else None,
    )


def _pcie(generation: int | None, width: int | None) -> Pcie | None:
    if not generation or not width or generation > 9 or width > 64:  # some drivers answer with a huge number
        return None
    return Pcie(generation=generation, width=width)
