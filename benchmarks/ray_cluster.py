"""Three Ray nodes on this machine against one process: the same frames, with and without a shared store folder.

    sudo python benchmarks/ray_cluster.py [--rounds 1] [--nodes 3] [--kill]

Linux, as root: each node is a `ray start` in a mount namespace of its own, in which an empty file system lies over the
driver's store folder, so that no node sees it; in the runs with a shared folder nothing lies over it. Every node has
one CPU, an object store of 80 MB and a cache folder of its own. Two jobs: `jobs/demo.yaml`, and three long clips of
eight seconds. They are made by one process, then by the nodes; with `--kill` a worker is also killed once a checkpoint
of a clip has reached the driver's store.

Found: with and without a shared folder, and with a killed worker, whose clip another one resumed at its checkpoint, all
frames and latents are those of one process (docs/benchmarks.md).

Compared are the PNGs of every clip and the latents in the driver's store; counted, what the nodes' own stores hold at
the end. Times are those of whole commands, start of Ray's nodes left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
FILM = """
defaults: {seed: 11}
prompts:
  - {id: one, shots: [{prompt: "a large red circle moving right on a white background", seconds: 4},
                      {prompt: "a large red circle moving down on a white background", seconds: 4}]}
  - {id: two, shots: [{prompt: "a large yellow triangle moving left slowly on a blue background", seconds: 4},
                      {prompt: "a large yellow triangle moving up slowly on a blue background", seconds: 4}]}
  - {id: three, shots: [{prompt: "a small green square moving right on a gray background", seconds: 4},
                        {prompt: "a small green square growing on a gray background", seconds: 4, cut: true}]}
"""
COMMON = ("exporter=frames", "executor.checkpoint_steps=2", "executor.checkpoint_interval_s=0")
START_S = 120.0
OPEN = {"RAY_AUTH_MODE": "disabled"}
"""Without it nodes ask for a token where the home has one."""


@contextmanager
def cluster(folder: Path, hidden: Path | None, count: int) -> Iterator[str]:
    """Starts nodes of one CPU each; yields the address.

    Args:
        folder: gets the files of Ray, and a cache folder for each node.
        hidden: a folder that no node is to see; None hides none.
        count: how many.
    """
    port = free_port()
    address = f"{socket.gethostbyname(socket.gethostname())}:{port}"
    nodes = []
    try:
        for number in range(count):
            where = (
                ["--head", f"--port={port}", "--include-dashboard=false"] if number == 0 else [f"--address={address}"]
            )
            nodes.append(node(folder, hidden, number, where))
            wait_for_nodes(address, number + 1)
        yield address
    finally:
        for one in nodes:
            end(one)


def node(folder: Path, hidden: Path | None, number: int, where: list[str]) -> subprocess.Popen[bytes]:
    """Starts a node in a mount namespace of its own."""
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, "--num-cpus=1", "--block"]
    start += ["--object-store-memory=80000000", "--disable-usage-stats"]
    if number == 0:
        start.append(f"--temp-dir={folder.parent.parent / 'ray'}")  # its sockets need a short path
    cover = f"mount -t tmpfs tmpfs {hidden} && " if hidden is not None else ""
    own = {"VGPIPE_CACHE": str(folder / f"node-{number + 1}"), "RAY_USAGE_STATS_ENABLED": "0", **OPEN}
    environment = {**os.environ, **own}
    with open(folder / f"node-{number + 1}.log", "wb") as log:
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'{cover}exec "$@"', "sh", *start],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def end(node: subprocess.Popen[bytes]) -> None:
    """Ends a node at once, with all that it has started."""
    root = psutil.Process(node.pid)
    for one in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    node.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def wait_for_nodes(address: str, count: int) -> None:
    """Waits until so many nodes are alive."""
    code = (
        f"import ray; ray.init({address!r}, log_to_driver=False, logging_level=50);"
        "print(sum(one['Alive'] for one in ray.nodes()))"
    )
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **OPEN})
        if asked.stdout.strip().endswith(str(count)):
            return
        time.sleep(0.5)
    raise SystemExit(f"no {count} nodes at {address}: {asked.stderr}")


def vgpipe(work: Path, job: Path, *overrides: str, kill: bool = False) -> tuple[float, Path]:
    """Makes a job in a folder; returns seconds and the run directory."""
    command = [sys.executable, "-m", "vgpipe", f"job={job}", "hydra.run.dir=run", *COMMON, *overrides]
    began_s = time.monotonic()
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=work, env={**os.environ, **OPEN}, **piped)
    if kill:
        kill_at_checkpoint(work, process)
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {process.returncode}\n{output[-3000:]}")
    return time.monotonic() - began_s, work / "run"


def kill_at_checkpoint(work: Path, process: subprocess.Popen[str]) -> None:
    """Kills a worker once the driver has a checkpoint of a clip."""
    while process.poll() is None:
        if list((work / "outputs" / ".store" / "checkpoint").rglob("*.safetensors")):
            ready = [one for one in events(work / "run") if one["event"] == "worker_ready"]
            os.kill(ready[0]["pid"], signal.SIGKILL)
            return
        time.sleep(0.02)


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


def frames_of(run: Path) -> dict[str, str]:
    return {str(one.relative_to(run)): sha256(one) for one in sorted((run / "frames").rglob("*.png"))}


def latents_of(work: Path) -> dict[str, str]:
    return {
        one.parent.name: sha256(one) for one in (work / "outputs" / ".store" / "denoise").rglob("latents.safetensors")
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mebibytes(*folders: Path) -> float:
    return sum(one.stat().st_size for folder in folders for one in folder.rglob("*") if one.is_file()) / (1 << 20)


def compare(name: str, job: Path, folder: Path, options: argparse.Namespace) -> None:
    """Makes a job in each way and prints a line for each."""
    alone = folder / f"{name}-alone"
    alone.mkdir()
    took_s, run = vgpipe(alone, job, "executor.workers=1")
    expected = frames_of(run), latents_of(alone)
    print(f"{name}: one process {took_s:.1f} s, {len(expected[0])} frames, {len(expected[1])} latents", flush=True)
    for way in ("own stores", "shared store", *(["own stores, a worker killed"] if options.kill else [])):
        work = folder / f"{name}-{way.replace(' ', '-').replace(',', '')}"
        store = work / "outputs" / ".store"
        store.mkdir(parents=True)
        nodes = work / "nodes"
        nodes.mkdir()
        with cluster(nodes, None if way == "shared store" else store, options.nodes) as address:
            took_s, run = vgpipe(work, job, "executor=ray", f"executor.address={address}", kill="killed" in way)
        same = (frames_of(run), latents_of(work)) == expected
        told = [one for one in events(run) if one["event"] in ("worker_ready", "worker_died")]
        makers = {one["worker"] for one in events(run) if one["event"] == "clip_done"}
        resumed = (run / "run.log").read_text().count("resumes at step")
        own = mebibytes(*nodes.glob("node-*/store"))
        print(
            f"{name}: {way} {took_s:.1f} s, same frames and latents: {same}; {len(makers)} workers made clips, "
            f"{sum(one['event'] == 'worker_died' for one in told)} died, {resumed} resumed; "
            f"driver's store {mebibytes(store):.1f} MiB, nodes' own {own:.1f} MiB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--only", choices=("demo", "film"))
    options = parser.parse_args()
    for _ in range(options.rounds):
        folder = Path(tempfile.mkdtemp(prefix="vgr-", dir="/tmp"))
        try:
            film = folder / "film.yaml"
            film.write_text(FILM)
            for name, job in (("demo", ROOT / "jobs" / "demo.yaml"), ("film", film)):
                if options.only in (None, name):
                    compare(name, job, folder, options)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
