"""Answers the requests of one connection."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_to_bytes

from vgpipe.errors import VgpipeError
from vgpipe.report import compare
from vgpipe.serve.content import HTML, JSON, SCRIPT, TEXT, Content, answer, of_file, of_text
from vgpipe.serve.pages import token_page
from vgpipe.serve.slow_clients import PIECE_S, RequestReader, RequestTooLarge
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    from vgpipe.serve.server import GalleryServer

PIECE_BYTES = 256 * 1024
MAX_FIELDS = 10
METHODS = ("GET", "HEAD")
UNKNOWN_NAME = "not a name of this machine: open this page by its IP address, or start serve with --host NAME"
RUNS, LIST = "runs", "runs.json"
PAGE, DATA = RunDir(Path()).report.name, RunDir(Path()).report_data.name
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Refused(Exception):
    """A request gets no content.

    Attributes:
        status: of the answer.
        headers: in addition to those of every answer.
    """

    def __init__(self, status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None):
        super().__init__(why)
        self.status, self.headers = status, headers or {}


class Handler(BaseHTTPRequestHandler):
    """One connection. Reads; whatever the request, nothing is written to the disk."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GalleryServer
    connection: socket.socket

    def setup(self) -> None:
        """Puts the limits of a request around the connection."""
        super().setup()
        self._reader = RequestReader(self.connection)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Answers one request."""
        self._reader.next_request()
        try:
            super().handle_one_request()
        except RequestTooLarge:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def parse_request(self) -> bool:
        """Reads the head of a request; refuses every method that could change something."""
        if not super().parse_request():
            return False
        if self.command in METHODS:
            return True
        self.close_connection = True  # a body may follow
        self._refuse(Refused(HTTPStatus.METHOD_NOT_ALLOWED, "this server only reads", {"Allow": ", ".join(METHODS)}))
        return False

    def do_GET(self) -> None:
        """Answers a GET, and a HEAD likewise."""
        try:
            self._refuse_body()
            self._refuse_strangers()
            content = self._content(self._names())
        except Refused as refused:
            self._refuse(refused)
            return
        with closing(content.file):
            self._send(content)

    def do_HEAD(self) -> None:
        """Answers a HEAD."""
        self.do_GET()

    def version_string(self) -> str:
        """Returns what the `Server` header says: no versions."""
        return "vgpipe"

    def log_message(self, format: str, *arguments: object) -> None:
        """Logs no request: an address may have the token in it."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers a request that cannot be read, without repeating any of it."""
        self.close_connection = True
        self._refuse(Refused(HTTPStatus(code), HTTPStatus(code).phrase))

    # ---- who asks

    def _refuse_body(self) -> None:
        lengths = self.headers.get_all("Content-Length", [])
        if set(lengths) - {"0"} or self.headers.get("Transfer-Encoding") is not None:
            self.close_connection = True  # else the body would be read as the next request
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request has no body here")

    def _refuse_strangers(self) -> None:
        access = self.server.access
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not access.knows_host(hosts[0]):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, UNKNOWN_NAME)
        if access.is_from_elsewhere(self.headers):
            raise Refused(HTTPStatus.FORBIDDEN, "the page of another site asked for this")

    def _names(self) -> list[str]:
        """Returns the names in the path, once the visitor is known.

        Raises:
            Refused: where the path is none, or the visitor has to give the token first.
        """
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            raise Refused(HTTPStatus.BAD_REQUEST, "no path of this server")
        fields = _fields(query)
        self._refuse_unknown(path, fields.get("token", []))
        self._since = "".join(fields.get("since", []))
        return [os.fsdecode(unquote_to_bytes(name)) for name in path.split("/")[1:]]

    def _refuse_unknown(self, path: str, tokens: list[str]) -> None:
        access = self.server.access
        if any(map(access.is_token, tokens)):  # from now on the cookie does, and the address no longer has the token
            where = f"./{path.rpartition('/')[2]}"  # relative: it cannot lead to another server
            raise Refused(HTTPStatus.SEE_OTHER, "", {"Location": where, "Set-Cookie": access.cookie()})
        if not access.admits(self.headers.get("Cookie")):
            raise Refused(HTTPStatus.FORBIDDEN, token_page(is_wrong=bool(tokens)), {"Content-Type": HTML})

    # ---- what is there

    def _content(self, names: list[str]) -> Content:
        gallery = self.server.gallery
        if names == [""]:
            return of_text(gallery.page(), HTML)
        if names == [LIST]:
            return of_text(gallery.listing(self._since), JSON)
        try:
            content = self._of_run(names[1:]) if names[0] == RUNS else None
        except VgpipeError:  # the run has gone since it was found
            content = None
        if content is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        return content

    def _of_run(self, names: list[str]) -> Content | None:
        gallery = self.server.gallery
        if names[-1:] == [compare.NAME]:
            page = gallery.comparison(tuple(names[:-1]))
            return None if page is None else of_text(page, HTML)
        place = gallery.folder.place_of(names)
        if place is None:
            return None
        if place.within == (PAGE,):
            return of_text(gallery.run_page(place), HTML)
        if place.within == (DATA,):
            return of_text(gallery.run_data(place), SCRIPT)
        found = gallery.folder.open_media(place)
        return of_file(*found) if found is not None else None

    # ---- the answer

    def _send(self, content: Content) -> None:
        answered = answer(content, self.headers)
        self._send_head(answered.status, answered.headers)
        if answered.span is None or self.command == "HEAD":
            return
        content.file.seek(answered.span.start)
        left = len(answered.span)
        while left:
            piece = content.file.read(min(left, PIECE_BYTES))
            if not piece:  # somebody has shortened it: the browser notices by the length
                self.close_connection = True
                return
            self.connection.sendall(piece)
            left -= len(piece)

    def _refuse(self, refused: Refused) -> None:
        body = str(refused).encode("utf-8", "replace")
        headers = {"Content-Type": TEXT, "Cache-Control": "no-store", "Content-Length": str(len(body))}
        self._send_head(refused.status, headers | dict(refused.headers))
        if self.command != "HEAD":
            self.connection.sendall(body)

    def _send_head(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.connection.settimeout(PIECE_S)
        self.send_response(status)
        for name, value in {**headers, **ALWAYS}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _fields(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(query, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "too many fields") from None
