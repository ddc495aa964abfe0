"""Runs `pip install` and says in one line what it is doing; all that pip wrote is shown only where it fails.

Usage: python tools/pip_install.py WHAT ARGUMENT...   (WHAT is for people, the arguments are pip's)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType

LARGE_MB = 20.0
TICK_S = 1.0
LAST_LINES = 30


def doing(line: str) -> tuple[str, bool] | None:
    """Returns what a line of pip's says that it is doing, and whether that may take long; None for any other line."""
    if found := re.match(r"\s*Downloading (?:\S*/)?([^\s/]+) \(([\d.]+) (\w+)\)", line):
        name, size, unit = found.groups()
        takes_long = unit == "GB" or (unit == "MB" and float(size) >= LARGE_MB)
        return f"downloading {_package(name)} ({size} {unit})", takes_long
    if found := re.match(r"(?:Collecting|Obtaining) (\S+)", line):
        return f"looking up {re.split('[<>=!~;]', found[1])[0]}", False
    if found := re.match(r"Installing collected packages: (.*)", line):
        return f"installing {found[1].count(',') + 1} packages", True
    return None


def main(arguments: Sequence[str]) -> int:
    """Installs; returns pip's exit code."""
    what, *rest = arguments
    command = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", *rest]
    written: list[str] = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with (
        _Status(f"installing {what}") as status,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
        ) as pip,
    ):
        for line in pip.stdout or ():
            written.append(line.rstrip())
            if (step := doing(line)) is not None:
                status.show(*step)
        status.has_failed = pip.wait() != 0
    if pip.returncode:
        sys.stderr.write("\n".join([*written[-LAST_LINES:], f"pip failed (exit code {pip.returncode})", ""]))
    return pip.returncode


class _Status:
    """The line on a terminal, with its clock; elsewhere a line for each step that may take long.

    Args:
        what: is being done in all.
    """

    def __init__(self, what: str) -> None:
        self._what, self._step = what, "starting"
        self._started_s = time.monotonic()
        self._ended = threading.Event()
        self._on_terminal = sys.stdout.isatty()
        self.has_failed = False

    def __enter__(self) -> _Status:
        if self._on_terminal:
            threading.Thread(target=self._tick, daemon=True).start()
        else:
            self._write(f"{self._what} ...\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._write(f"{self._what}: {'failed' if self.has_failed or kind else 'done'}, {self._seconds()} s\n")

    def show(self, step: str, takes_long: bool) -> None:
        """Says what is being done now."""
        self._step = step
        if self._on_terminal:
            self._draw()
        elif takes_long:
            self._write(f"  {step}\n")

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            self._draw()

    def _draw(self) -> None:
        width = os.get_terminal_size().columns - 1
        self._write(f"{self._what}, {self._seconds()} s: {self._step}"[:width])

    def _write(self, text: str) -> None:
        sys.stdout.write(f"\r\033[K{text}" if self._on_terminal else text)
        sys.stdout.flush()

    def _seconds(self) -> int:
        return round(time.monotonic() - self._started_s)


def _package(file: str) -> str:
    return re.split(r"-\d", file.replace("%2B", "+"))[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
