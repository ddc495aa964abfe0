"""Carries messages between a driver and a worker process that it has started, as one pickle after the other."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

CUT_OFF = (EOFError, OSError, ValueError, pickle.UnpicklingError)
"""What reading raises at the end, also in the middle of a message whose sender was killed."""


class Channel:
    """One end of a two-way connection.

    Args:
        reader: gets what the other end sends.
        writer: takes what is sent to it.
        connection: the socket below both; None for two pipes.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO, connection: socket.socket | None = None):
        self._reader, self._writer, self._connection = reader, writer, connection
        self._lock = threading.Lock()

    @classmethod
    def over(cls, connection: socket.socket) -> Channel:
        """Returns a channel over a socket, which it owns from now on."""
        return cls(connection.makefile("rb"), connection.makefile("wb"), connection)

    def send(self, message: Any) -> None:
        """Sends a message, from any thread; drops it where the other end has gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock, suppress(OSError, ValueError):
            self._writer.write(data)
            self._writer.flush()

    def messages(self) -> Iterator[Any]:
        """Yields what the other end sends, until it has gone; one thread alone may ask for them."""
        while True:
            try:
                message = pickle.load(self._reader)  # noqa: S301 (of a process of the same run)
            except CUT_OFF:
                return
            yield message

    def hang_up(self) -> None:
        """Lets the other end see that nothing more follows; what it still sends arrives."""
        with suppress(OSError, ValueError):
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_WR)
            else:
                self._writer.close()

    def close(self) -> None:
        """Closes this end."""
        for one in (self._writer, self._reader, self._connection):
            with suppress(OSError):  # it writes what the other end did not take
                if one is not None:
                    one.close()
