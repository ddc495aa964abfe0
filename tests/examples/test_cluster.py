"""The examples for clusters: the Slurm script with programs in the place of Slurm's and Ray's, and YAML that parses."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from vgpipe.config.executor_schema import RayConfig
from vgpipe.config.load import load

EXAMPLES = Path(__file__).parents[2] / "examples/cluster"
SCRIPT = EXAMPLES / "vgpipe.sbatch"
NOTES_ITSELF = '#!/bin/bash\necho "$(basename "$0") $*" >> calls\n'
WAITS = 'trap "exit {code}" TERM; for _ in {{1..200}}; do sleep 0.05; done\n'
PROGRAMS = {
    "srun": 'while [[ $1 == --* ]]; do shift; done\nexec "$@"\n',
    "ray": WAITS.format(code=1),
    "sleep": "exec /bin/sleep 0.02\n",
    "scontrol": "",
    "hostname": "echo 127.0.0.1 fe80::1\n",
}  # fmt: skip
ALLOCATION = {
    "SLURM_JOB_ID": "4007", "SLURM_JOB_NUM_NODES": "3", "SLURM_CPUS_PER_TASK": "8", "SLURM_GPUS_ON_NODE": "2",
    "SLURMD_NODENAME": "node-a",
}  # fmt: skip

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture(scope="module", autouse=True)
def head():
    """Listens where the script waits for the head of its Ray."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken: the script then gives up waiting
            listening.bind(("127.0.0.1", 6407))
            listening.listen()
        yield


def start(cwd: Path, vgpipe: str) -> subprocess.Popen[bytes]:
    """Starts the script with a program in the place of `python -m vgpipe`."""
    programs = cwd / "bin"
    programs.mkdir(exist_ok=True)
    for name, body in {**PROGRAMS, "python": vgpipe}.items():
        (programs / name).write_text(NOTES_ITSELF + body)
        (programs / name).chmod(0o755)
    environment = {**os.environ, **ALLOCATION, "PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.Popen(["bash", SCRIPT, "job=prompts.yaml", "clip.prompt=a b"], cwd=cwd, env=environment)


def calls(cwd: Path) -> list[str]:
    return (cwd / "calls").read_text().splitlines() if (cwd / "calls").exists() else []


def test_slurm_starts_ray_on_all_nodes_and_the_run_beside_it(tmp_path):
    assert start(tmp_path, "exec /bin/sleep 0.3\n").wait(20) == 0
    head, others = sorted(
        (one for one in calls(tmp_path) if one.startswith("srun")), key=lambda one: "--head" not in one
    )
    assert "--nodes=1 " in head and "--nodelist=node-a ray start" in head and "--port=6407" in head
    assert "--nodes=2 " in others and "--exclude=node-a" in others and "--address=127.0.0.1:6407" in others
    assert "--num-cpus=8 --num-gpus=2" in head and "--num-cpus=8 --num-gpus=2" in others
    command = "python -m vgpipe job=prompts.yaml clip.prompt=a b executor=ray executor.address=auto"
    assert f"{command} hydra.run.dir=outputs/slurm-4007" in calls(tmp_path)
    assert not any(one.startswith("scontrol") for one in calls(tmp_path))


def test_slurm_requeues_a_run_that_was_told_to_stop_and_then_resumes_it(tmp_path):
    process = start(tmp_path, WAITS.format(code=3))
    while not any("vgpipe" in one for one in calls(tmp_path)):
        time.sleep(0.02)
    time.sleep(0.1)  # until the program waits for the signal
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 3
    assert calls(tmp_path)[-1] == "scontrol requeue 4007"
    (tmp_path / "outputs/slurm-4007").mkdir(parents=True)
    (tmp_path / "outputs/slurm-4007/clips.jsonl").touch()
    assert start(tmp_path, "exit 0\n").wait(20) == 0
    assert "python -m vgpipe resume outputs/slurm-4007" in calls(tmp_path)


def test_slurm_does_not_requeue_a_run_that_stopped_by_itself_or_failed(tmp_path):
    assert start(tmp_path, "exit 3\n").wait(20) == 3
    assert start(tmp_path, "kill -9 $$\n").wait(20) != 0
    assert not any(one.startswith("scontrol") for one in calls(tmp_path))


# As the Go types of ray.io/v1 spell them: an unknown field is dropped without a word by `kubectl apply`.
RAY_JOB = {"entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "rayClusterSpec"}
RAY_CLUSTER = {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
WORKER_GROUP = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
SKYPILOT = {"name", "num_nodes", "resources", "workdir", "file_mounts", "setup", "run"}


def command_of(script: str) -> list[str]:
    """Returns the overrides of the run that a script starts, and lets bash read the script."""
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (arguments,) = re.findall(r"python -m vgpipe ((?:[\w.]+=\S+\s+(?:\\\s+)?)*(?:[\w.]+=[^\s;]+))", script)
    return [one for one in shlex.split(arguments.replace("\\\n", " ")) if not one.startswith("hydra.")]


def test_kuberay_has_known_fields_and_a_command_that_composes():
    job = yaml.safe_load((EXAMPLES / "kuberay.yaml").read_text())
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) <= RAY_JOB and set(cluster) <= RAY_CLUSTER and set(workers) == WORKER_GROUP
    mounts = [one["template"]["spec"]["containers"][0] for one in (cluster["headGroupSpec"], workers)]
    assert mounts[0]["volumeMounts"] == mounts[1]["volumeMounts"] and mounts[0]["image"] == mounts[1]["image"]
    assert isinstance(load(command_of(shlex.split(job["spec"]["entrypoint"])[2])).executor, RayConfig)


def test_skypilot_has_known_fields_and_a_command_that_composes():
    task = yaml.safe_load((EXAMPLES / "skypilot.yaml").read_text())
    assert set(task) == SKYPILOT and task["resources"]["use_spot"] is True
    subprocess.run(["bash", "-n"], input=task["setup"], text=True, check=True)
    config = load(command_of(task["run"]))
    assert isinstance(config.executor, RayConfig) and config.store.dir.startswith("/data/")
