"""A server over runs made by hand, in this process; requests as bytes or by http.client."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.report.browsing import write_image
from tests.report.runs import make_run, record
from vgpipe.serve.files import Folder
from vgpipe.serve.gallery import Gallery
from vgpipe.serve.handler import Handler
from vgpipe.serve.server import GalleryServer, endpoint_of

VIDEO = bytes(range(256)) * 4


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Visitor:
    """A browser of a server.

    Args:
        server: that listens.
    """

    def __init__(self, server: GalleryServer):
        self.server = server
        self.base = server.address.rstrip("/")

    def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """Asks once, on a connection of its own; `_` in the name of a header stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def send(self, request: bytes) -> bytes:
        """Sends bytes, and returns what comes until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.server.server_port), timeout=10) as connection:
            connection.sendall(request)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


@contextmanager
def served(folder: Path, token: str | None = None) -> Iterator[Visitor]:
    """Serves a folder on a free port."""
    gallery = Gallery(Folder(folder), "outputs")
    with GalleryServer(endpoint_of("127.0.0.1", 0), "127.0.0.1", token, gallery, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Visitor(server)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A folder with one run, of a clip that is done, and much that must not be served."""
    root = tmp_path / "outputs"
    run = root / "job" / "2026-01-31_23-05-00"
    run_dir = make_run(run, [record("a", files={"mp4": "videos/a.mp4", "poster": "sheets/a.poster.jpg"})])
    run_dir.append_event("run_ended", reason="finished", done=1, failed=0, stopped=0, pending=0)
    (run / "videos" / "a.mp4").write_bytes(VIDEO)
    write_image(run / "sheets" / "a.poster.jpg")
    write_image(run / "frames" / "a" / "000000.png")
    write_image(run / "rejected" / "frames" / "b" / "000000.png")
    write_image(run / "contact-sheet.png")
    for name in ("report.html", "report-data.js", "videos/page.html", "videos/.hidden.mp4", "config.yaml", "run.log"):
        (run / name).write_text("<script>secret</script>")
    (root / ".store").mkdir()
    (root / ".store" / "secret.mp4").write_text("secret")
    (tmp_path / "secret.mp4").write_text("secret")
    return root


@pytest.fixture
def visitor(outputs: Path) -> Iterator[Visitor]:
    """A browser on this machine."""
    with served(outputs) as one:
        yield one
