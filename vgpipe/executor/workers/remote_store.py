"""The store of a worker on a machine that does not see the driver's: a folder of its own, as a part of the driver's.

What is asked for and is not there is brought from the driver's store; what is made is handed in before anybody can rely
on it. Content addresses and checksums make both safe. Frames neither come nor go: they are large, and only the worker
that decodes them needs them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from vgpipe.errors import StoreError
from vgpipe.executor.workers.store_link import StoreLink, VanishedError
from vgpipe.executor.workers.store_messages import (
    Answer,
    Found,
    Gone,
    Loose,
    Offered,
    Request,
    Wanted,
    Whole,
)
from vgpipe.outside_file import open_outside
from vgpipe.stages import checkpoints
from vgpipe.store.artifacts import RECORD_NAME, Artifact, ArtifactWriter, Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import DECODE

log = logging.getLogger(__name__)

STAYS = DECODE
"""The stage whose artifacts neither come nor go."""


class RemoteStore(Store):
    """A store of its own that is a part of the driver's; used by several threads of one worker.

    Args:
        root: its folder.
        ask: sends a request to the driver, and returns the answer; may be called from any thread.
    """

    def __init__(self, root: Path, ask: Callable[[Request], Answer]):
        super().__init__(root)
        self._link = StoreLink(ask)
        self._driver_has: set[str] = set()
        self._nobody_has: set[str] = set()
        self._checkpoints = _CheckpointSender(self._send_checkpoint)

    def find(self, key: Key) -> Artifact | None:
        """Returns the artifact of `key`, which both stores have from then on; see `Store.find`.

        That the driver has none is remembered until `ask_again`.

        Raises:
            StoreError: where one of the two cannot be written.
        """
        own = super().find(key)
        if own is not None or key.stage == STAYS:
            self._hand_in(key, own)
            return own
        if key.digest in self._nobody_has:
            return None
        found = self._link.find(Wanted(key))
        if found is None or not self._bring(key, found):
            self._nobody_has.add(key.digest)
            return None
        self._driver_has.add(key.digest)
        return super().find(key)

    def ask_again(self, digest: str | None = None) -> None:
        """Forgets that the driver had no artifact of a digest; None: of any."""
        self._nobody_has.clear() if digest is None else self._nobody_has.discard(digest)

    def discard(self, key: Key) -> None:
        """Removes an artifact from both stores."""
        super().discard(key)
        if key.stage != STAYS:
            self._driver_has.discard(key.digest)
            self._link.tell(Gone(key))

    def fetch(self, path: Path) -> None:
        """Brings the driver's checkpoint, where it is further than the one here."""
        name = self._loose(path)
        found = self._link.find(Wanted(name, checkpoints.done_steps(path)))
        if found is None:
            return
        try:
            self._link.download_to(name, found, path)
        except VanishedError as error:
            log.debug("%s: %s", path.name, error)

    def publish(self, path: Path) -> None:
        """Has a checkpoint sent to the driver, beside the work; a newer one takes its place in the queue."""
        self._checkpoints.add(path)

    def retract(self, path: Path) -> None:
        """Has the driver remove a checkpoint."""
        self._checkpoints.drop(path)
        self._link.tell(Gone(self._loose(path)))

    def flush(self) -> None:
        """Waits until the driver has every checkpoint, or has refused it."""
        self._checkpoints.flush()

    def _commit(self, key: Key, writer: ArtifactWriter, final: Path) -> None:
        super()._commit(key, writer, final)
        self._nobody_has.discard(key.digest)
        self._hand_in(key, super().find(key))

    def _hand_in(self, key: Key, artifact: Artifact | None) -> None:
        if artifact is None or key.stage == STAYS or key.digest in self._driver_has:
            return
        if self._link.ask(Offered(key)):
            for path in (*artifact.paths(), artifact.path(RECORD_NAME)):
                with open_outside(path) as file:
                    self._link.upload(key, path.name, file)
            self._link.ask(Whole(key))
        self._driver_has.add(key.digest)

    def _bring(self, key: Key, found: Found) -> bool:
        try:
            with self.adopt(key) as folder:
                for file, size in found.sizes.items():
                    self._link.download(key, file, size, folder / Path(file).name)
        except VanishedError as error:
            log.debug("%s %s: %s", key.stage, key.digest[:12], error)
            return False
        return True

    def _loose(self, path: Path) -> Loose:
        return Loose(path.relative_to(self.root).as_posix())

    def _send_checkpoint(self, path: Path) -> None:
        name = self._loose(path)
        try:
            with open_outside(path) as file:  # it is replaced, never changed, so this one stays whole
                if self._link.ask(Offered(name, checkpoints.done_steps(path))):
                    self._link.ask(Whole(name, self._link.upload(name, path.name, file)))
        except (OSError, StoreError) as error:
            log.warning("no checkpoint in the driver's store: %s", error)


class _CheckpointSender:
    """Sends files beside the work, each as it is when its turn comes.

    Args:
        send: sends one; its thread waits for that.
    """

    def __init__(self, send: Callable[[Path], None]):
        self._send = send
        self._changed = threading.Condition()
        self._waiting: list[Path] = []
        self._sending: Path | None = None
        self._thread: threading.Thread | None = None

    def add(self, path: Path) -> None:
        """Queues a file, unless it waits already."""
        with self._changed:
            if path not in self._waiting:
                self._waiting.append(path)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, path: Path) -> None:
        """Takes a file out of the queue; waits where it is being sent."""
        with self._changed:
            if path in self._waiting:
                self._waiting.remove(path)
            self._changed.wait_for(lambda: self._sending != path)

    def flush(self) -> None:
        """Waits until nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and self._sending is None)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                path = self._sending = self._waiting.pop(0)
            try:
                self._send(path)
            finally:
                with self._changed:
                    self._sending = None
                    self._changed.notify_all()
