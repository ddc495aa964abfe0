"""Services of notifications on the loopback: what each got, as the service itself would read it."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def json(self) -> dict:
        return json.loads(self.body)


@dataclass
class Http:
    """A web service that takes everything, refuses what has `refuses` in its path, and waits where it has `hangs`."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    refuses_files: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, one: Got, is_file: bool) -> int:
        self.got.append(one)
        if "hangs" in one.path:
            self.released.wait(20)
        return 413 if is_file and self.refuses_files else 401 if "refuses" in one.path else 200


@contextmanager
def http_service() -> Iterator[Http]:
    service = Http()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_file = not self.headers.get("Content-Type", "").startswith("application/json")
            self.send_response(service.answer(Got(self.path, body), is_file))
            self.end_headers()
            self.wfile.write(b"{}" if "slack" not in self.path else b"ok")

        do_PUT = do_POST

        def log_message(self, *_: object) -> None:
            """Writes nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield service
        finally:
            service.released.set()
            server.shutdown()


@contextmanager
def mail_service() -> Iterator[tuple[int, list[EmailMessage]]]:
    """Gives the port of a mail server, and the mails that it gets."""
    mails: list[EmailMessage] = []

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 stand-in")
            while line := self.rfile.readline():
                word = line[:4].upper().strip()
                if word == b"DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self.say("221 bye" if word == b"QUIT" else "250 ok")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, allow_reuse_address = True, True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1], mails
        finally:
            server.shutdown()
