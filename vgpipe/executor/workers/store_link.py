"""How a worker asks the driver's store: requests one by one, files in parts."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from vgpipe.errors import StoreError
from vgpipe.executor.workers.store_messages import (
    PART_BYTES,
    Answer,
    Found,
    Name,
    PartWanted,
    Refused,
    Request,
    Sent,
    Wanted,
)
from vgpipe.store.durable import make_folder, temporary_path

log = logging.getLogger(__name__)


class VanishedError(StoreError):
    """The driver no longer has what it had a moment ago."""


class StoreLink:
    """Asks the driver, and takes files apart and together.

    Args:
        ask: sends a request to the driver, and returns the answer.
    """

    def __init__(self, ask: Callable[[Request], Answer]):
        self._ask = ask

    def ask(self, request: Request) -> Answer:
        """Returns the answer.

        Raises:
            StoreError: where the driver refuses.
        """
        answer = self._ask(request)
        if isinstance(answer, Refused):
            raise StoreError(f"the driver's store: {answer.reason}")
        return answer

    def tell(self, request: Request) -> None:
        """Asks for what may fail without harm."""
        try:
            self.ask(request)
        except StoreError as error:
            log.debug("%s", error)

    def find(self, wanted: Wanted) -> Found | None:
        """Returns what the driver has of what is wanted."""
        answer = self.ask(wanted)
        return answer if isinstance(answer, Found) else None

    def upload(self, name: Name, file: str, opened: BinaryIO) -> str:
        """Sends a file; returns its SHA-256."""
        digest, offset = hashlib.sha256(), 0
        while data := opened.read(PART_BYTES):
            self.ask(Sent(name, file, offset, data))
            digest.update(data)
            offset += len(data)
        if not offset:
            self.ask(Sent(name, file, 0, b""))
        return digest.hexdigest()

    def download(self, name: Name, file: str, size: int, target: Path) -> None:
        """Writes a file of the driver's.

        Raises:
            VanishedError: where the driver no longer has it.
            OSError: where it cannot be written.
        """
        with open(target, "wb") as opened:
            for part in self._parts(name, file, size):
                opened.write(part)

    def download_to(self, name: Name, found: Found, path: Path) -> None:
        """Replaces a file by the one that was found.

        Raises:
            VanishedError: where the driver no longer has it.
            OSError: where it cannot be written.
        """
        make_folder(path.parent)
        temporary = temporary_path(path)
        try:
            for file, size in found.sizes.items():
                self.download(name, file, size, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _parts(self, name: Name, file: str, size: int) -> Iterator[bytes]:
        offset = 0
        while offset < size:
            answer: Any = self._ask(PartWanted(name, file, offset))
            if not isinstance(answer, bytes) or not answer:
                reason = answer.reason if isinstance(answer, Refused) else "it is shorter than it was"
                raise VanishedError(f"{file}: {reason}")
            offset += len(answer)
            yield answer
