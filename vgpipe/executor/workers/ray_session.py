"""Ray in this process: started here for one run, or joined where a cluster is named."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vgpipe.errors import ConfigError, Fault, first_line
from vgpipe.owners import is_left_over, owner_name
from vgpipe.units import MIB

log = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0
"""Until a cluster that cannot be reached, or a start that hangs, is given up."""
CONNECT_TIMEOUT_S = 10.0
SAID_AFTER_S = 1.0
"""A longer wait is explained to whoever looks at the terminal."""
STOP_TIMEOUT_S = 20.0
LOCAL_OBJECT_STORE_BYTES = 100 * MIB
"""Of a Ray that is started here, whose workers see the same store folder: little more than messages travels."""
REMOVALS, REMOVAL_PAUSE_S = 10, 0.2
PREFIX, OWNER = "vgpipe-ray-", "owner"
MAX_TEMP_PATH = 20
"""Characters of a folder below which Ray can make its sockets, whose paths may have 107."""
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
AUTH_MODE, AUTH_TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
NO_TOKEN = "InvalidAuthToken"
CLIENT = "ray://"
RAYLET = "ray._raylet"


class RaySession:
    """Starts or joins Ray in a thread of its own, beside other work.

    The thread lives as long as the session: with the thread that started them, Linux ends Ray's processes.

    Args:
        address: of a cluster; `auto` for the one that this machine is part of; None starts Ray here.
    """

    def __init__(self, address: str | None):
        self.address = address
        self._is_up, self._is_over = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._thread.start()

    @property
    def is_local(self) -> bool:
        """Whether Ray was started here, for this run."""
        return self.address is None

    def wait(self) -> None:
        """Waits until Ray can be used.

        Raises:
            ConfigError: where the cluster cannot be joined, or Ray cannot be started.
        """
        if not self._is_up.wait(SAID_AFTER_S):
            log.info("starting Ray" if self.address is None else f"joining the Ray cluster at {self.address!r}")
        if not self._is_up.wait(START_TIMEOUT_S):
            raise self._fault(f"no answer within {START_TIMEOUT_S:.0f} s")
        if self._error is not None:
            raise self._fault(_told(self._error, self.address)) from self._error

    def close(self) -> None:
        """Leaves the cluster, or ends the Ray that was started here and removes its files."""
        self._is_over.set()
        self._thread.join(STOP_TIMEOUT_S)

    def _fault(self, what: str) -> ConfigError:
        if self.address is None:
            return ConfigError("Ray cannot be started", [Fault("executor.address", what, "executor=local")])
        remedy = "start the cluster (`ray start --head`; `ray start --address=HEAD:6379` on the others)"
        where = f"no cluster can be joined at {self.address!r}: {what}"
        return ConfigError("no Ray cluster", [Fault("executor.address", where, f"{remedy}, or executor.address=null")])

    def _run(self) -> None:
        folder = None if self.address is not None else _temporary_folder()
        try:
            with _environment(self.address), _quiet():
                self._connect(folder)
                self._is_up.set()
                self._is_over.wait()
                self._disconnect()
        except Exception as error:  # whatever Ray raises, `wait` tells the user
            self._error = error
        finally:
            self._is_up.set()
            if folder is not None:
                _remove(folder)

    def _connect(self, folder: Path | None) -> None:
        import ray

        if self.address is not None and self.address.startswith(CLIENT):
            raise ValueError(
                f"{CLIENT} is Ray's client, which lacks what this needs; run vgpipe on a node of the cluster"
            )
        _require_answer(self.address)
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": False}
        if self.address is not None:
            ray.init(address=self.address, **quiet)
        else:
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=LOCAL_OBJECT_STORE_BYTES,
                _temp_dir=str(folder),
                **quiet,
            )

    def _disconnect(self) -> None:
        import ray

        with suppress(Exception):  # the head may have gone
            ray.shutdown()


_early: list[RaySession] = []
"""At most one: started while a run is planned, for the executor to take."""


@contextmanager
def session_started_early(address: str | None) -> Iterator[None]:
    """Starts or joins Ray while the block plans a run; leaves it to `taken_session`, unless the block raises.

    Args:
        address: as `RaySession` takes it.

    Raises:
        ConfigError: where the cluster cannot be joined, or Ray cannot be started.
    """
    session = taken_session(address)
    try:
        yield
        session.wait()
    except BaseException:
        session.close()
        raise
    _early.append(session)


def taken_session(address: str | None) -> RaySession:
    """Returns the session that was started early, or starts one; it belongs to the caller."""
    session = _early.pop() if _early else None
    if session is not None and session.address == address:
        return session
    if session is not None:
        session.close()
    return RaySession(address)


@atexit.register
def _end_early() -> None:
    while _early:
        _early.pop().close()


@contextmanager
def _environment(address: str | None) -> Iterator[None]:
    """Sets what Ray and the processes that it starts read, unless it is set; then takes it back."""
    wanted = {**ENVIRONMENT, **_authentication(address)}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    _reload_authentication()
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        _reload_authentication()


def _authentication(address: str | None) -> dict[str, str]:
    """Returns the token of a Ray that is started here; a cluster's is set by its user.

    Ray would write one into the home, after which `ray start` asks all nodes of later clusters for it.
    """
    if address is not None or AUTH_MODE in os.environ:
        return {}
    return {AUTH_MODE: "token", AUTH_TOKEN: secrets.token_hex(32)}


def _reload_authentication() -> None:
    """Has Ray read its variables again: it does so once, when it is imported."""
    with suppress(ImportError, AttributeError, TypeError):
        raylet: Any = importlib.import_module(RAYLET)
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what Ray says off the terminal: it goes to the log, for those who look there."""
    from ray._private import worker

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    printed = getattr(worker, "print_to_stdstream", None)
    if printed is not None:  # prints what nodes report, whatever `log_to_driver` says
        worker.print_to_stdstream = _logged
    try:
        yield
    finally:
        if printed is not None:
            worker.print_to_stdstream = printed


def _logged(data: dict[str, Any], *_more: object, **_others: object) -> None:
    log.debug("ray: %s", " ".join(map(str, data.get("lines", ()))))


def _told(error: Exception, address: str | None) -> str:
    """Returns what the user reads of an error of Ray's."""
    if NO_TOKEN in f"{error} {error.__cause__} {error.__context__}":
        return f"it asks for a token: set {AUTH_MODE}=token and {AUTH_TOKEN} as on its nodes"
    if address == "auto" and isinstance(error, ConnectionError):
        return "this machine is part of none"
    return first_line(error)


def _require_answer(address: str | None) -> None:
    """Refuses an address at which nobody answers: Ray itself would wait for minutes, and then end the process.

    Raises:
        OSError: where nobody answers.
    """
    host, _, port = (address or "").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()


def _remove(folder: Path) -> None:
    """Removes Ray's files; its processes may still write some for a moment."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(REMOVAL_PAUSE_S)


def _temporary_folder() -> Path:
    """Returns a new folder for Ray's files, with a path that leaves room for the names of its sockets.

    Side effects:
        Removes those of processes that were killed.
    """
    usual = tempfile.gettempdir()
    parent = Path(usual if len(usual) <= MAX_TEMP_PATH else "/tmp")
    for left in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, UnicodeDecodeError):
            if is_left_over(left, (left / OWNER).read_text("utf-8")):
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    (folder / OWNER).write_text(owner_name(), "utf-8")
    return folder
