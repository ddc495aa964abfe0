"""Processes of this machine in which workers run: their messages, their ends, and that none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vgpipe.config.load import load
from vgpipe.executor.workers import processes
from vgpipe.executor.workers.host_process import HostProcess
from vgpipe.executor.workers.messages import Died, Event, LogLine, Ready, StopNow, WorkerSettings
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.processes import ProcessPool
from vgpipe.executor.workers.started import SpawnedProcess
from vgpipe.fallback.loading_steps import LoadPlan

ROOT = Path(__file__).parents[3]
FAKE = "tests.executor.workers.fake_worker"
LONG_S = 30.0
SLOT = Slot("cpu-1", "cpu")


@pytest.fixture(scope="module")
def settings():
    def of(worker: str) -> WorkerSettings:
        config = load(["job=prompts.yaml"])
        plan = LoadPlan(config.model)
        return WorkerSettings(worker=worker, config=config, load_plan=plan, plan=None, run_root="run")

    return of


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Lets the processes import these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest.fixture(scope="module")
def host(importable):
    host = HostProcess([FAKE, "vgpipe.executor.workers.sent_logs"])
    yield host
    host.close()


@pytest.fixture(params=["forked", "spawned"])
def pool(request, host):
    pool = ProcessPool([SLOT], host.fork if request.param == "forked" else SpawnedProcess, f"{FAKE}:FakeWorker")
    yield pool
    pool.close()


@pytest.fixture
def forked(host):
    pool = ProcessPool([SLOT, Slot("cpu-2", "cpu")], host.fork, f"{FAKE}:FakeWorker")
    yield pool
    pool.close()


def until(pool, wanted, slot="cpu-1"):
    """Returns the messages of a slot up to the first of a class."""
    seen, ends = [], time.monotonic() + LONG_S
    while time.monotonic() < ends:
        for name, message in pool.receive(1.0):
            seen += [message] if name == slot else []
        if any(isinstance(one, wanted) for one in seen):
            return seen
        if any(isinstance(one, Died) for one in seen):
            break
    raise AssertionError(f"no {wanted.__name__} came, but {seen}")


def ready(pool, settings, slot=SLOT):
    pool.start(slot, settings(slot.name))
    return next(one for one in until(pool, Ready, slot.name) if isinstance(one, Ready))


def death(pool, slot="cpu-1"):
    return next(one for one in until(pool, Died, slot) if isinstance(one, Died))


def is_running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_worker_has_a_session_of_its_own_no_stdin_and_waits_without_spinning(pool, settings):
    it = ready(pool, settings)
    assert it.conditions["session"] == it.pid != os.getsid(0)
    assert it.conditions["stdin"] == "/dev/null" and it.conditions["folder"] == os.getcwd()
    assert it.conditions["waits"] == "PASSIVE"


def test_messages_arrive_in_order_and_end_is_the_last(pool, settings):
    ready(pool, settings)
    for number in range(50):
        pool.send("cpu-1", StopNow(f"say {number} {'x' * 10_000}"))
    pool.send("cpu-1", processes.End())
    *events, died = until(pool, Died)
    assert [one.kind.split()[0] for one in events] == [str(number) for number in range(50)]
    assert died == Died("ended")
    pool.send("cpu-1", StopNow("say this to nobody"))


def test_what_is_logged_or_printed_comes_as_lines(pool, settings):
    ready(pool, settings)
    pool.send("cpu-1", StopNow("log careful"))
    pool.send("cpu-1", StopNow("print plainly"))
    pool.send("cpu-1", processes.End())
    lines = [(one.logger, one.text) for one in until(pool, Died) if isinstance(one, LogLine)]
    assert ("vgpipe.somewhere", "careful") in lines and ("diffusers.somewhere", "careful") in lines
    assert any(logger == "py.warnings" and "careful" in text for logger, text in lines)
    assert ("vgpipe.worker", "plainly") in lines and ("vgpipe.worker", "plainly again") in lines


@pytest.mark.parametrize(
    "order, reason",
    [
        ("raise no luck", "exit code 1: RuntimeError: no luck"),
        ("abort terminate called without an active exception", "killed by SIGABRT: terminate called without"),
    ],
)
def test_the_end_of_a_worker_has_a_reason_with_its_last_line(forked, settings, order, reason):
    ready(forked, settings)
    forked.send("cpu-1", StopNow(order))
    assert death(forked).reason.startswith(reason)


def test_a_killed_worker_is_reported_and_its_slot_takes_another(pool, settings):
    it = ready(pool, settings)
    os.kill(it.pid, signal.SIGKILL)
    assert death(pool) == Died("killed by SIGKILL", by_memory=False)
    assert not psutil.pid_exists(it.pid)
    assert ready(pool, settings).pid != it.pid
    pool.kill("cpu-1")
    assert death(pool).reason == "killed by SIGKILL"


def test_a_death_is_by_memory_where_the_system_says_so(forked, settings, monkeypatch):
    counts = iter([4, 5])
    monkeypatch.setattr(processes, "memory_kills", lambda: next(counts))
    it = ready(forked, settings)
    os.kill(it.pid, signal.SIGKILL)
    assert death(forked).by_memory


def test_sigterm_lets_a_worker_leave(forked, settings):
    it = ready(forked, settings)
    os.kill(it.pid, signal.SIGTERM)
    *_, left, died = until(forked, Died)
    assert left == Event("left", {"reason": "SIGTERM received"}) and died == Died("ended")


def test_a_worker_that_cannot_be_built_says_why(host, settings):
    pool = ProcessPool([SLOT], host.fork, f"{FAKE}:NoWorker")
    pool.start(SLOT, settings("cpu-1"))
    assert death(pool).reason.startswith("exit code 1: AttributeError: module 'tests.executor.workers.fake_worker'")
    pool.close()


def test_a_process_that_cannot_be_started_is_a_death(settings):
    def refused():
        raise OSError("no room")

    pool = ProcessPool([SLOT], refused)
    pool.start(SLOT, settings("cpu-1"))
    assert death(pool) == Died("cannot be started: no room")


def test_closing_ends_workers_also_those_that_answer_nothing(forked, settings, monkeypatch):
    monkeypatch.setattr(processes, "END_S", 0.2)
    monkeypatch.setattr(processes, "LEAVE_S", 0.2)
    idle, busy = ready(forked, settings), ready(forked, settings, Slot("cpu-2", "cpu"))
    forked.send("cpu-2", StopNow("hang"))
    forked.close()
    assert not psutil.pid_exists(idle.pid) and not psutil.pid_exists(busy.pid)


def test_workers_hold_no_file_of_each_other(forked, settings):
    first, second = ready(forked, settings), ready(forked, settings, Slot("cpu-2", "cpu"))
    shared = set(first.conditions["files"]) & set(second.conditions["files"])
    assert not [one for one in shared if one.startswith(("socket:", "pipe:"))]


def test_where_a_library_has_touched_cuda_a_worker_starts_with_a_new_interpreter(settings):
    host = HostProcess(["tests.executor.workers.touching_cuda"])
    pool = ProcessPool([SLOT], host.fork, f"{FAKE}:FakeWorker")
    it = ready(pool, settings)
    assert psutil.Process(it.pid).cmdline()[1:] == ["-m", "vgpipe.executor.workers.worker_process"]
    os.kill(it.pid, signal.SIGKILL)
    assert death(pool).reason == "killed by SIGKILL"
    pool.close()
    host.close()


def test_where_the_host_is_killed_its_workers_end_and_a_start_fails_with_the_reason(settings):
    host = HostProcess([FAKE])
    pool = ProcessPool([SLOT], host.fork, f"{FAKE}:FakeWorker")
    it = ready(pool, settings)
    os.kill(host.pid, signal.SIGKILL)
    *_, left, died = until(pool, Died)
    assert left == Event("left", {"reason": "its driver has gone"})
    assert died.reason == "the process that it was forked from ended: killed by SIGKILL"
    assert not is_running(it.pid) and not host.is_alive
    pool.start(SLOT, settings("cpu-1"))
    assert death(pool).reason == died.reason
    pool.close()
    host.close()


DRIVER = """
import os, sys, time
from tests.executor.workers.test_processes import FAKE, SLOT, ready
from vgpipe.config.load import load
from vgpipe.executor.workers import host_process
from vgpipe.executor.workers.messages import StopNow, WorkerSettings
from vgpipe.executor.workers.processes import ProcessPool
from vgpipe.executor.workers.pool import Slot
from vgpipe.fallback.loading_steps import LoadPlan
def settings(worker):
    config = load(["job=prompts.yaml"])
    return WorkerSettings(worker=worker, config=config, load_plan=LoadPlan(config.model), plan=None, run_root="run")
host = host_process._KEPT.host = host_process.HostProcess([FAKE])
pool = ProcessPool([SLOT], host.fork, f"{FAKE}:FakeWorker")
pids = [host.pid, ready(pool, settings).pid]
if sys.argv[1] == "stuck":
    pids.append(ready(pool, settings, Slot("cpu-2", "cpu")).pid)
    pool.send("cpu-2", StopNow("hang"))
if sys.argv[1] == "forks" and os.fork() == 0:
    time.sleep(8)
    os._exit(0)
print(*pids, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("what", ["stuck", "forks"])
def test_where_the_driver_is_killed_workers_and_host_end(what):
    """Also a worker that hears nothing, and where a process that the driver has forked lives on."""
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, what], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    left = [int(word) for word in driver.stdout.readline().split()]
    driver.kill()
    driver.wait()
    until_s = time.monotonic() + 5
    while left and time.monotonic() < until_s:
        time.sleep(0.05)
        left = [pid for pid in left if is_running(pid)]
    assert not left
