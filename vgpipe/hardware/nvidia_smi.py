"""What NVIDIA's own tool says of its cards; it knows driver and PCIe link, and works where torch does not."""

from __future__ import annotations

import contextlib
import csv
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vgpipe.hardware.records import Pcie

TIMEOUT_S = 2.0
"""All the time a missing, broken or hanging driver may cost."""

_FIELDS = (
    "index", "name", "uuid", "memory.total", "memory.free", "driver_version",
    "pcie.link.gen.max", "pcie.link.width.max",
)  # fmt: skip
_NEWER = "compute_cap"  # drivers before 510 refuse the whole query for it

Run = Callable[[Sequence[str]], tuple[int, str] | None]
"""Runs a command; gives (exit code, standard output), or None where it is missing or takes too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One NVIDIA card; its `uuid` finds it among torch's devices, whose order may be another. Memory in MiB."""

    index: int
    name: str
    uuid: str
    total_mib: float | None
    free_mib: float | None
    driver: str | None
    pcie: Pcie | None
    compute_capability: tuple[int, int] | None


def run_command(command: Sequence[str]) -> tuple[int, str] | None:
    """Runs a command for at most `TIMEOUT_S`; one that hangs in the driver cannot be waited for, only left behind."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _abandon(process)
        return None
    return process.returncode, output.decode("utf-8", "replace")


def _abandon(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    if process.stdout:
        process.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)


def cards(run: Run = run_command) -> tuple[Card, ...]:
    """Lists the cards that `nvidia-smi` knows.

    Args:
        run: runs a command.

    Returns:
        None of them where there is no tool, no driver, or no answer in time.
    """
    for fields in ((*_FIELDS, _NEWER), _FIELDS):
        answer = run(["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"])
        if answer is None:
            return ()
        if answer[0] == 0:
            return parse(answer[1])
    return ()


def parse(text: str) -> tuple[Card, ...]:
    """Reads the tool's CSV; a line that is none is left out, a value that is none becomes None."""
    lines = [line for line in text.splitlines() if line.count(",") >= len(_FIELDS) - 1 and '"' not in line]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    return tuple(_card(row) for row in rows if _number(row[0]) is not None)


def _card(row: Sequence[str]) -> Card:
    index, name, uuid, total, free, driver, generation, width, *newer = row
    return Card(
        index=int(_number(index) or 0),
        name=name,
        uuid=uuid.removeprefix("GPU-").lower(),
        total_mib=_number(total),
        free_mib=_number(free),
        driver=driver if driver[:1].isdecimal() else None,
        pcie=_pcie(_number(generation), _number(width)),
        compute_capability=_capability(newer[0]) if newer else None,
    )


def _number(text: str) -> float | None:
    """Returns a plain number; the tool writes `[N/A]` or `[Not Supported]` for what a card does not tell."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None


def _pcie(generation: float | None, width: float | None) -> Pcie | None:
    if not generation or not width or generation > 9 or width > 64:
        return None
    return Pcie(generation=int(generation), width=int(width))


def _capability(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    found = _number(major), _number(minor)
    return (int(found[0]), int(found[1])) if found[0] is not None and found[1] is not None else None
