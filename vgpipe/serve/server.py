"""The server: listens, and answers each connection in a thread, of which there is a limited number."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import socketserver
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vgpipe.errors import UsageError
from vgpipe.serve.access import Access
from vgpipe.serve.gallery import Gallery

log = logging.getLogger(__name__)

MAX_THREADS, MAX_PER_CLIENT = 64, 24
"""How many connections are answered at once, in all and from one address; a browser opens six."""
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n"
    b"Cache-Control: no-store\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens.

    Attributes:
        family: of the address.
        address: an IP address.
        port: 0 for any that is free.
    """

    family: socket.AddressFamily
    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.address.partition("%")[0]).is_loopback


def endpoint_of(host: str, port: int) -> Endpoint:
    """Looks up where a host name or an address is.

    Raises:
        UsageError: where it is neither.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host: {host!r} is no address of this machine ({error}) -> --host 127.0.0.1") from None
    family, _, _, _, address = found[0]
    return Endpoint(family, str(address[0]), port)


class GalleryServer(ThreadingHTTPServer):
    """Serves a gallery.

    Args:
        endpoint: where it listens.
        host: as the user wrote it.
        token: that every visitor needs; None where only this machine reaches it.
        gallery: what it serves.
        handler: answers a connection.

    Attributes:
        access: who may read.
        gallery: what it serves.

    Raises:
        OSError: where it cannot listen there.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # on Windows two servers could then share a port
    request_queue_size = 128

    def __init__(
        self, endpoint: Endpoint, host: str, token: str | None, gallery: Gallery, handler: type[BaseHTTPRequestHandler]
    ):
        self.address_family = endpoint.family
        self.gallery = gallery
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__((endpoint.address, endpoint.port), handler)
        self.access = Access(host, self.server_port, token)

    def server_bind(self) -> None:
        """Binds the socket, without the look-up of a name that may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    @property
    def address(self) -> str:
        """The address to open on this machine."""
        return url_of(_shown(str(self.server_address[0])), self.server_port)

    def addresses(self) -> list[str]:
        """Returns all addresses to open: where it listens on all of this machine, those of its network cards too."""
        own = str(self.server_address[0])
        others = _of_network_cards(self.address_family) if _shown(own) != own else []
        return [self.address, *(url_of(one, self.server_port) for one in others)]

    @property
    def connections(self) -> int:
        """How many are answered now."""
        with self._lock:
            return self._open.total()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers a connection in a thread of its own; turns it away where there are too many."""
        if not self._admit(client_address[0]):
            self._turn_away(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was started
            self._forget(client_address[0])
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(client_address[0])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what went wrong with one connection; one that ends early is nothing wrong."""
        error = sys.exc_info()[1]
        if not isinstance(error, TimeoutError | ConnectionError):
            log.warning("a request could not be answered: %s: %s", type(error).__name__, error)
            log.debug("traceback of the request", exc_info=error)

    def _admit(self, client: str) -> bool:
        with self._lock:
            if self._open.total() >= MAX_THREADS or self._open[client] >= MAX_PER_CLIENT:
                return False
            self._open[client] += 1
            return True

    def _forget(self, client: str) -> None:
        with self._lock:
            self._open[client] -= 1
            self._open += Counter()  # drops those with none

    def _turn_away(self, request: socket.socket) -> None:
        request.settimeout(0)
        try:
            request.send(BUSY)
        except OSError:
            log.debug("a connection was turned away, and had gone")
        self.shutdown_request(request)


def url_of(address: str, port: int) -> str:
    """Returns the address to open in a browser."""
    return f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"


def _of_network_cards(family: int) -> list[str]:
    import psutil

    found = [one.address for card in psutil.net_if_addrs().values() for one in card if one.family == family]
    # Addresses of one link alone have a zone behind them, which browsers do not take.
    return [one for one in dict.fromkeys(found) if "%" not in one and not ipaddress.ip_address(one).is_loopback]


def _shown(address: str) -> str:
    """Returns an address that can be opened, for one that stands for all of this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
