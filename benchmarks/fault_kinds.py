"""The faults of `worker_faults.py`: each waits for a random moment, does its harm, and says what it did."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fault_scene import RESUME, Scene

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Kind:
    """A fault.

    Attributes:
        name: as in `--kinds`.
        disturb: does it during the run; returns what it did.
        prepare: done before the start.
        mend: done before the run is resumed, where it stopped.
        may_stop: whether the run may stop, resumable, rather than finish by itself.
        settings: of the run.
    """

    name: str
    disturb: Callable[[Scene, int], str]
    prepare: Callable[[Scene], None] = lambda _scene: None
    mend: Callable[[Scene], None] = lambda _scene: None
    may_stop: bool = False
    settings: tuple[str, ...] = ()


def a_worker(scene: Scene) -> int | None:
    """Returns the process of a worker, as soon as there is one; None where the run ended before."""
    found = scene.wait_for(lambda: bool(scene.workers()))
    return scene.rng.choice(scene.workers()) if found and scene.workers() else None


def to_a_worker(number: signal.Signals) -> Callable[[Scene, int], str]:
    """Returns a fault that sends a signal to one worker."""

    def disturb(scene: Scene, steps: int) -> str:
        moment = scene.wait_for_a_moment(steps)
        worker = a_worker(scene)
        if worker is None:
            return "too late"
        send(worker, number)
        return f"{number.name} {moment}"

    return disturb


def kill_all_workers(scene: Scene, steps: int) -> str:
    """Kills all workers at once."""
    moment = scene.wait_for_a_moment(steps)
    workers = scene.workers() or [one.pid for one in scene.helpers()]
    for worker in workers:
        send(worker, signal.SIGKILL)
    return f"{len(workers)} {moment}"


def kill_something(scene: Scene, steps: int) -> str:
    """Kills any process of the run but the driver: a forked server, an encoder, a worker that is not ready."""
    moment = scene.wait_for_a_moment(steps)
    others = scene.helpers()
    if not others:
        return f"nothing {moment}"
    chosen = scene.rng.choice(others)
    send(chosen.pid, signal.SIGKILL)
    return f"{chosen.name} {moment}"


def kill_the_driver(scene: Scene, steps: int) -> str:
    """Kills the driver."""
    moment = scene.wait_for_a_moment(steps)
    if scene.driver is not None:
        scene.driver.kill()
        scene.driver.wait()
    return moment


def stop_the_driver(scene: Scene, steps: int) -> str:
    """Sends SIGTERM to the driver."""
    moment = scene.wait_for_a_moment(steps)
    if scene.driver is not None:
        send(scene.driver.pid, signal.SIGTERM)
    return moment


def fill_the_disk_of_a_worker(scene: Scene, steps: int) -> str:
    """Lets one worker write no file longer than some KiB from now on, which ends as a full disk does."""
    moment = scene.wait_for_a_moment(steps)
    worker = a_worker(scene)
    if worker is None:
        return "too late"
    size = scene.rng.choice((0, 4 * KIB, 64 * KIB))
    limit(worker, resource.RLIMIT_FSIZE, size)
    return f"{size >> 10} KiB {moment}"


def take_memory_from_a_worker(scene: Scene, steps: int) -> str:
    """Lets one worker have only some MiB more than it has, or less, so that an allocation fails."""
    moment = scene.wait_for_a_moment(steps)
    worker = a_worker(scene)
    if worker is None:
        return "too late"
    size = scene.rng.choice((-64 * MIB, 0, 8 * MIB, 24 * MIB))
    try:
        status = Path(f"/proc/{worker}/status").read_text()
    except OSError:
        return "too late"
    has = next(int(line.split()[1]) * KIB for line in status.splitlines() if line.startswith("VmData:"))
    limit(worker, resource.RLIMIT_DATA, has + size)
    return f"{size >> 20} MiB {moment}"


def mount_store(scene: Scene) -> None:
    """Puts the store on a file system of its own."""
    store = scene.cwd / "outputs/.store"
    store.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(store)], check=True)


def fill_the_store(scene: Scene, steps: int) -> str:
    """Leaves some KiB of room on the file system of the store."""
    moment = scene.wait_for_a_moment(steps)
    room = scene.rng.choice((0, 40 * KIB, 400 * KIB))
    filler = scene.cwd / "outputs/.store/filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(16 * KIB))
        except OSError:
            size = filler.stat().st_size
    os.truncate(filler, max(0, size - room))
    return f"{room >> 10} KiB left {moment}"


def give_the_store_room(scene: Scene) -> None:
    """Removes what fills the file system of the store."""
    (scene.cwd / "outputs/.store/filler").unlink(missing_ok=True)


def only_wait(_scene: Scene, _steps: int) -> str:
    """Does nothing."""
    return ""


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def limit(pid: int, kind: int, value: int) -> None:
    """Sets a soft limit of a process that may have ended."""
    try:
        _, hard = resource.prlimit(pid, kind)
        resource.prlimit(pid, kind, (value, hard))
    except ProcessLookupError:
        return


OF_BOTH = (
    Kind("worker-killed", to_a_worker(signal.SIGKILL)),
    Kind("worker-sigterm", to_a_worker(signal.SIGTERM)),
    Kind("all-workers-killed", kill_all_workers),
    Kind("driver-killed", kill_the_driver, may_stop=True),
    Kind("driver-sigterm", stop_the_driver, may_stop=True),
    Kind("worker-disk-full", fill_the_disk_of_a_worker, may_stop=True),
    Kind("worker-memory", take_memory_from_a_worker),
)
LOCAL = (
    *OF_BOTH,
    Kind("any-process-killed", kill_something),
    Kind("store-full", fill_the_store, mount_store, give_the_store_room, may_stop=True),
)
__all__ = ["LOCAL", "OF_BOTH", "RESUME", "Kind"]
