"""Keeps two processes from writing one run directory."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import StoreError, UsageError
from vgpipe.owners import is_left_over, owner_name

if TYPE_CHECKING:
    from filelock import FileLock

LOCK_NAME, LEASE_NAME = ".lock", ".lease"
RENEWED_S, LEASE_S = 20.0, 300.0
"""How often a lease is renewed, and how old one must be to count as left over by a process that is not visible."""
LOOKED_AT_S, LOOK_S = 0.3, 0.02
"""How long the lock is tried for, and how often: whoever only looks at a run (`is_in_use`) has it for microseconds."""


class DirectoryInUse(UsageError):
    """Another process writes to a run directory."""


class RunLock:
    """Locks a run directory.

    The system frees the lock of a killed process at once. On a file system without locks, or whose locks lock nothing,
    a lease takes its place: a file that names the process, and that it renews for as long as it runs.

    Args:
        root: the run directory.

    Attributes:
        note: what the user should know of the lock; empty where it is an ordinary one.
    """

    def __init__(self, root: Path):
        self._root = root
        self._lock: FileLock | None = None
        self._lease = _Lease(root / LEASE_NAME)
        self.note = ""

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            DirectoryInUse: where another process has it.
            StoreError: where the directory cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            self._root.mkdir(parents=True, exist_ok=True)
            if why := _why_no_locks(self._root / LOCK_NAME):
                self.note = f"{self._root} is on a file system without locks ({why}): a lease, renewed every "
                self.note += f"{RENEWED_S:.0f} s, keeps other processes out of it"
                self._lease.take()
                return
            self._lock = FileLock(self._root / LOCK_NAME, thread_local=False)
            self._lock.acquire(timeout=LOOKED_AT_S, poll_interval=LOOK_S)
        except Timeout:
            raise DirectoryInUse(f"{self._root} is in use by another vgpipe process; nothing was started") from None
        except (OSError, NotImplementedError) as error:
            raise StoreError(f"{self._root} cannot be written: {error} -> hydra.run.dir=DIR") from error

    def release(self) -> None:
        """Gives the lock back."""
        self._lease.give_back()
        if self._lock is not None:
            self._lock.release()


def is_in_use(root: Path) -> bool:
    """Says whether a process writes to a run directory now; changes nothing in it.

    Args:
        root: the run directory.
    """
    lease = root / LEASE_NAME
    try:
        owner = lease.read_text("utf-8", errors="replace")
        return not is_left_over(lease, owner, LEASE_S)
    except OSError:  # on nearly all file systems there is a lock instead
        return _is_locked(root / LOCK_NAME)


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except ImportError:  # Windows
        return _is_locked_there(path)
    except OSError:
        return False
    finally:
        os.close(file)
    return False


def _is_locked_there(path: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True
    except OSError:
        return False


class _Lease:
    def __init__(self, path: Path):
        self._path = path
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        while True:
            try:
                file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                break
            except FileExistsError:
                self._remove_left_over()
        try:
            os.write(file, owner_name().encode())
        finally:
            os.close(file)
        self._thread = threading.Thread(target=self._renew, name="lease of the run", daemon=True)
        self._thread.start()

    def _remove_left_over(self) -> None:
        try:
            owner = self._path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        if not is_left_over(self._path, owner, LEASE_S):
            raise DirectoryInUse(
                f"{self._path.parent} is in use by another vgpipe process; nothing was started (where that process was "
                f"killed on another machine or in another container: wait {LEASE_S / 60:.0f} minutes)"
            )
        taken = self._path.with_name(f"{LEASE_NAME}-{owner_name()}")
        with suppress(FileNotFoundError):  # of two processes, one renames it
            os.rename(self._path, taken)
            taken.unlink()

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_S):
            with suppress(OSError):
                os.utime(self._path)

    def give_back(self) -> None:
        if self._thread is None:
            return
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink()


def _why_no_locks(path: Path) -> str:
    """Returns why files of a folder cannot be locked; empty where they can, or another process has locked this one.

    Raises:
        OSError: where the file cannot be created.
    """
    try:
        import fcntl
    except ImportError:  # Windows, whose locks are others
        return ""
    first, second = (os.open(path, os.O_RDWR | os.O_CREAT, 0o644) for _ in range(2))
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ""
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    finally:
        os.close(first)
        os.close(second)
    return "two processes can lock a file at once"
