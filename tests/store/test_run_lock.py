"""A run directory has one writer, also on a file system without locks."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from vgpipe.owners import owner_name
from vgpipe.store import run_lock
from vgpipe.store.run_lock import LEASE_NAME, LEASE_S, LOCK_NAME, DirectoryInUse, RunLock, is_in_use

fcntl = pytest.importorskip("fcntl")


@pytest.fixture(params=[errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, None], ids=str)
def no_locks(request, monkeypatch):
    """A file system without locks; None for one whose locks lock nothing."""

    def flock(_file, _how):
        if request.param is not None:
            raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_an_ordinary_lock_needs_no_word(tmp_path):
    lock = RunLock(tmp_path / "run")
    lock.acquire()
    with pytest.raises(DirectoryInUse, match="in use"):
        RunLock(tmp_path / "run").acquire()
    lock.release()
    RunLock(tmp_path / "run").acquire()
    assert lock.note == "" and not (tmp_path / "run" / LEASE_NAME).exists()


def test_without_locks_a_lease_keeps_others_out_and_is_said(tmp_path, no_locks):
    lock = RunLock(tmp_path)
    lock.acquire()
    assert "without locks" in lock.note and "lease" in lock.note
    with pytest.raises(DirectoryInUse, match="wait 5 minutes"):
        RunLock(tmp_path).acquire()
    lock.release()
    again = RunLock(tmp_path)
    again.acquire()
    again.release()
    assert not (tmp_path / LEASE_NAME).exists()


def left(tmp_path, owner, age_s):
    path = tmp_path / LEASE_NAME
    path.write_text(owner)
    os.utime(path, (time.time() - age_s,) * 2)
    return RunLock(tmp_path)


def test_the_lease_of_a_killed_process_is_taken_over(tmp_path, no_locks):
    lock = left(tmp_path, owner_name().rpartition("-")[0] + "-4194304", 1)  # more than any process has
    lock.acquire()
    lock.release()
    with pytest.raises(DirectoryInUse):
        left(tmp_path, "0123456789ab-1", LEASE_S - 30).acquire()
    elsewhere = left(tmp_path, "0123456789ab-1", LEASE_S + 30)
    elsewhere.acquire()
    elsewhere.release()


def test_a_lease_is_renewed(tmp_path, no_locks, monkeypatch):
    monkeypatch.setattr(run_lock, "RENEWED_S", 0.02)
    lock = RunLock(tmp_path)
    lock.acquire()
    os.utime(tmp_path / LEASE_NAME, (0, 0))
    end = time.monotonic() + 10
    while (tmp_path / LEASE_NAME).stat().st_mtime == 0 and time.monotonic() < end:
        time.sleep(0.01)
    assert (tmp_path / LEASE_NAME).stat().st_mtime > 0
    lock.release()


def test_others_see_whether_a_directory_is_in_use_and_leave_no_trace(tmp_path):
    assert not is_in_use(tmp_path) and list(tmp_path.iterdir()) == []
    lock = RunLock(tmp_path)
    lock.acquire()
    assert is_in_use(tmp_path) and is_in_use(tmp_path)
    lock.release()
    assert not is_in_use(tmp_path)


def test_a_look_at_the_lock_does_not_keep_a_run_from_it(tmp_path):
    RunLock(tmp_path).acquire()
    looking = os.open(tmp_path / LOCK_NAME, os.O_RDONLY)
    try:
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)
        timer = threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN))
        timer.start()
        RunLock(tmp_path).acquire()
        timer.join()
    finally:
        os.close(looking)


def test_a_lease_says_that_a_directory_is_in_use(tmp_path, no_locks):
    lock = RunLock(tmp_path)
    lock.acquire()
    assert is_in_use(tmp_path)
    lock.release()
    assert not is_in_use(tmp_path)
    left(tmp_path, "0123456789ab-1", LEASE_S + 30)
    assert not is_in_use(tmp_path)
