"""The troubles of `night.py`: those that strike from outside a run, and what each may come to."""

from __future__ import annotations

import signal
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fault_kinds import give_the_store_room, send
from fault_scene import Scene, is_alive

HERE = Path(__file__).parent
HUNTS_S = 60.0


class Night(Scene):
    """A run with faults inside and outside of it."""

    environment: Mapping[str, str] = {}
    ends_after_s = 1800.0

    def additions(self) -> Mapping[str, str]:
        """Returns the faults inside."""
        return self.environment

    def settled(self) -> int:
        """Returns how many clips have a final state."""
        return sum(record["state"] in ("done", "failed") for record in self.records().values())

    def move_clock(self, seconds: int) -> None:
        """Sets the wall clock that the run sees, by so many seconds from the real one."""
        with (self.cwd / "clock").open("r+b") as file:
            file.write(struct.pack("l", seconds))


def clock_library(folder: Path) -> Path:
    """Compiles what moves the clock; returns the library."""
    library = folder / "clock_shim.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "clock_shim.c"), "-ldl"], check=True
    )
    return library


def kill_ffmpeg(night: Night) -> str:
    """Kills an encoder while it writes a clip."""
    end_s = time.monotonic() + HUNTS_S
    while time.monotonic() < end_s and night.is_running():
        for one in night.helpers():
            if one.name.startswith("ffmpeg") and is_alive(one.pid):
                send(one.pid, signal.SIGKILL)
                return "SIGKILL to ffmpeg"
    return "no ffmpeg was found"


def fill_disk(night: Night) -> str:
    """Leaves no room on the file system of the store, and makes some once the run has ended."""
    filler = night.cwd / "outputs/.store/filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    code = night.end()
    give_the_store_room(night)
    return f"full; the run ended with {code}"


def jump_forwards(night: Night) -> str:
    """Sets the clock of the run five hours ahead, and later nine hours back."""
    night.move_clock(5 * 3600)
    until = night.settled() + 8
    night.wait_for(lambda: night.settled() >= until, 600)
    night.move_clock(-4 * 3600)
    return "5 h ahead, 8 clips later 9 h back"


def terminate(night: Night) -> str:
    """Sends SIGTERM, and waits until the run has stopped."""
    if night.driver is not None:
        send(night.driver.pid, signal.SIGTERM)
    return f"SIGTERM; the run ended with {night.end()}"


def reboot(night: Night) -> str:
    """Kills all processes of the run at once, as a power cut does."""
    for one in night.watch.alive():
        send(one.pid, signal.SIGKILL)
    return f"kill -9 of all processes; the run ended with {night.end()}"


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble.

    Attributes:
        name: of it.
        at: how many clips have a final state when it strikes from outside; the seed of the clip that it strikes inside.
        strike: does it from outside; None for one inside.
        fails: whether its clip cannot be made.
    """

    name: str
    at: int
    strike: Callable[[Night], str] | None = None
    fails: bool = False


OF_200_CLIPS = (
    Trouble("bad", 20, fails=True),
    Trouble("ffmpeg killed", 30, kill_ffmpeg),
    Trouble("oom", 45),
    Trouble("nan", 60, fails=True),
    Trouble("black", 75, fails=True),
    Trouble("disk full", 90, fill_disk),
    Trouble("stalled", 110),
    Trouble("clock jump", 125, jump_forwards),
    Trouble("SIGTERM", 150, terminate),
    Trouble("reboot", 175, reboot),
)


def troubles_of(clips: int) -> tuple[Trouble, ...]:
    """Returns the troubles, spread over so many clips."""
    return tuple(replace(one, at=max(1, one.at * clips // 200)) for one in OF_200_CLIPS)
