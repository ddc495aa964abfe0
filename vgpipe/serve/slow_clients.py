"""Reads a request from a connection that may be slow, endless or silent."""

from __future__ import annotations

import io
import socket
import time

IDLE_S, REQUEST_S = 15.0, 10.0
"""How long a connection may wait for its next request, and how long a request may take to arrive."""
MAX_REQUEST_BYTES = 32 * 1024
PIECE_S = 30.0
"""How long a client may take to accept a piece of an answer: a browser that has buffered enough asks again later."""


class RequestTooLarge(Exception):
    """A request is longer than any that the pages make."""


class RequestReader(io.RawIOBase):
    """The bytes of requests, as long as each arrives in time and is not too large.

    Args:
        connection: a connected socket, whose timeout this changes.
    """

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._deadline_s: float | None = None
        self._left = MAX_REQUEST_BYTES

    def next_request(self) -> None:
        """Starts again: what arrives from now on belongs to another request."""
        self._deadline_s, self._left = None, MAX_REQUEST_BYTES

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads what there is.

        Raises:
            TimeoutError: where the request takes too long.
            RequestTooLarge: where it does not end.
        """
        if not self._left:
            raise RequestTooLarge
        now_s = time.monotonic()
        wait_s = IDLE_S if self._deadline_s is None else self._deadline_s - now_s
        if wait_s <= 0:
            raise TimeoutError("the request takes too long")
        self._connection.settimeout(wait_s)
        count = self._connection.recv_into(buffer[: self._left])
        self._left -= count
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + REQUEST_S
        return count
