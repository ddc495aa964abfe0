"""A model hub on 127.0.0.1 for tests: real folders as repos, and faults that can be switched on.

    with FakeHub({"owner/name": folder}) as hub:
        subprocess.run([...], env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"})
        hub.requests  # what was asked, and how many bytes were sent

It answers what huggingface_hub asks: `api/models/<repo>[/revision/<rev>]`, `api/models/<repo>/tree/<rev>`, and
`<repo>/resolve/<rev>/<path>` by HEAD and GET with ranges. As on the hub, large files are named by their SHA-256, small
ones by their git blob id. It serves plain HTTP, never xet.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt")
PIECE_BYTES = 16 << 10


@dataclass
class Request:
    """One request as it was answered. `sent_bytes` counts the body, and grows while it is sent."""

    method: str
    path: str
    range: str | None
    authorized: bool
    status: int = 0
    sent_bytes: int = 0


@dataclass
class Fault:
    """What goes wrong with the paths that contain `part`, for the next `times` GET requests (None: for good)."""

    part: str
    times: int | None = None
    status: int | None = None
    cut_after: int | None = None
    serve_only: int | None = None
    corrupt: bool = False
    ignore_range: bool = False


@dataclass
class Repo:
    """A folder, its one commit, and what may be claimed about it."""

    folder: Path
    tags: tuple[str, ...] = ("main",)
    gated: bool = False
    private: bool = False
    claimed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Repo path -> file."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in found}

    @cached_property
    def digests(self) -> dict[str, str]:
        """Repo path -> SHA-256 of a large file, git blob id of a small one."""
        return {name: _digest(name, path.read_bytes()) for name, path in self.files.items()}

    @cached_property
    def commit(self) -> str:
        """A full sha over names and digests."""
        return hashlib.sha1(json.dumps(self.digests).encode()).hexdigest()

    def siblings(self) -> list[dict[str, Any]]:
        """The listing of `api/models`, with what is only claimed."""
        listed = []
        for name, path in self.files.items():
            size, digest = path.stat().st_size, self.digests[name]
            entry: dict[str, Any] = {"rfilename": name, "size": size, "blobId": digest[:40]}
            if len(digest) == 64:
                entry["lfs"] = {"size": size, "sha256": digest, "pointerSize": 134}
            listed.append(entry)
        return listed + [{"rfilename": name, **claim} for name, claim in self.claimed.items()]

    def tree(self) -> list[dict[str, Any]]:
        """The listing of `api/models/.../tree`."""
        entries = []
        for entry in self.siblings():
            lfs = entry.get("lfs")
            described = {"type": "file", "path": entry["rfilename"], "size": entry["size"], "oid": entry["blobId"]}
            entries.append(
                described | ({"lfs": {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": 134}} if lfs else {})
            )
        return entries


class FakeHub:
    """Serves folders as hub repos while it is entered.

    Args:
        folders: repo id -> its folder.
        token: the one token that opens gated and private repos.
    """

    def __init__(self, folders: Mapping[str, Path], token: str = "hf_" + "letMeIn" * 4):
        self.repos = {repo_id: Repo(folder) for repo_id, folder in folders.items()}
        self.token = token
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.bytes_per_s: float | None = None
        self.redirects = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def cdn(self) -> str:
        """Another host than `url` to every client; large files are sent there while `redirects` is on."""
        return f"http://localhost:{self._server.server_address[1]}/cdn"

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, part: str, status: int, times: int | None = None) -> None:
        """Answers paths that contain `part` with a status."""
        self.faults.append(Fault(part, times, status=status))

    def cut(self, part: str, after_bytes: int, times: int | None = 1) -> None:
        """Closes the connection after so many bytes of a body."""
        self.faults.append(Fault(part, times, cut_after=after_bytes))

    def truncate(self, part: str, size_bytes: int) -> None:
        """Serves only the head of a file, as if it were all of it."""
        self.faults.append(Fault(part, serve_only=size_bytes))

    def corrupt(self, part: str, times: int | None = None) -> None:
        """Serves a file with its first byte turned."""
        self.faults.append(Fault(part, times, corrupt=True))

    def ignore_range(self, part: str) -> None:
        """Answers a range with the whole file, as some proxies do."""
        self.faults.append(Fault(part, ignore_range=True))

    def drip(self, bytes_per_s: float | None) -> None:
        """Sends bodies slowly; None at full speed again."""
        self.bytes_per_s = bytes_per_s

    def heal(self) -> None:
        """Takes every fault back."""
        self.faults.clear()
        self.bytes_per_s = None

    def bodies(self, part: str) -> list[Request]:
        """The GET requests of paths that contain `part`."""
        return [request for request in self.requests if request.method == "GET" and part in request.path]

    def fault(self, path: str) -> Fault | None:
        """Takes the fault that is due for a path."""
        for fault in self.faults:
            if fault.part in path and fault.times != 0:
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    log: Request

    @property
    def hub(self) -> FakeHub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path)
        authorized = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        self.log = Request(self.command, path, self.headers.get("Range"), authorized)
        self.hub.requests.append(self.log)
        fault = self.hub.fault(path) if self.command == "GET" else None
        if fault is not None and fault.status is not None:
            return self._refuse(fault.status)
        listing = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path)
        file = re.fullmatch(r"/(?:cdn/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if listing:
            return self._list(listing[1], listing[2], listing[3] or "main")
        if file:
            return self._serve(file[1], file[2], file[3], fault)
        return self._refuse(404)

    def _repo(self, repo_id: str, revision: str, of_file: bool) -> Repo | None:
        repo = self.hub.repos.get(repo_id)
        if repo is None or (repo.private and not self.log.authorized):
            self._refuse(404 if self.log.authorized else 401, "RepoNotFound")
        elif of_file and repo.gated and not self.log.authorized:
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif revision not in (*repo.tags, repo.commit):
            self._refuse(404, "RevisionNotFound")
        else:
            return repo
        return None

    def _list(self, repo_id: str, kind: str | None, revision: str) -> None:
        if repo := self._repo(repo_id, revision, of_file=False):
            info = {"id": repo_id, "sha": repo.commit, "private": False, "tags": [], "siblings": repo.siblings()}
            body = json.dumps(repo.tree() if kind == "tree" else info).encode()
            self._send(200, {"Content-Type": "application/json"}, body)

    def _serve(self, repo_id: str, revision: str, name: str, fault: Fault | None) -> None:
        on_cdn = self.log.path.startswith("/cdn/")
        repo = self._repo(repo_id, revision, of_file=not on_cdn)
        if repo is None:
            return
        if name not in repo.files:
            return self._refuse(404, "EntryNotFound")
        if self.hub.redirects and name.endswith(LFS_SUFFIXES) and not on_cdn:
            linked = {"X-Linked-ETag": f'"{repo.digests[name]}"', "X-Linked-Size": str(repo.files[name].stat().st_size)}
            to = f"{self.hub.cdn}{self.log.path}?X-Signature=signed"
            return self._send(302, {"Location": to, "X-Repo-Commit": repo.commit, **linked}, b"")
        body = repo.files[name].read_bytes()
        if fault is not None and fault.serve_only is not None:
            body = body[: fault.serve_only]
        if fault is not None and fault.corrupt:
            body = bytes([body[0] ^ 1]) + body[1:]
        head = {"ETag": f'"{repo.digests[name]}"', "X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-", self.log.range or "")
        if asked is None or (fault is not None and fault.ignore_range):
            return self._send(200, head, body, fault)
        start = int(asked[1])
        if start >= len(body):
            return self._refuse(416)
        head["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return self._send(206, head, body[start:], fault)

    def _refuse(self, status: int, code: str = "") -> None:
        self._send(status, {"X-Error-Code": code} if code else {}, json.dumps({"error": f"refused: {code}"}).encode())

    def _send(self, status: int, head: dict[str, str], body: bytes, fault: Fault | None = None) -> None:
        self.log.status = status
        self.send_response(status)
        for key, value in {**head, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(body) if fault is None or fault.cut_after is None else min(fault.cut_after, len(body))
        try:
            self._pour(body[:end])
        except OSError:  # the client is gone
            self.close_connection = True
        if end < len(body):
            self.close_connection = True

    def _pour(self, body: bytes) -> None:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            self.wfile.write(piece)
            self.log.sent_bytes += len(piece)
            if self.hub.bytes_per_s:
                time.sleep(len(piece) / self.hub.bytes_per_s)


def _digest(name: str, data: bytes) -> str:
    if name.endswith(LFS_SUFFIXES):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
