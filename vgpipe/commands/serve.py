"""The command `serve`: the gallery of all runs as a web page."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from vgpipe.errors import UsageError
from vgpipe.terminal import write_line, write_note

if TYPE_CHECKING:
    from vgpipe.serve.server import Endpoint, GalleryServer

USAGE = "python -m vgpipe serve [FOLDER] [--port N] [--host ADDRESS --token TOKEN]"
HOST, PORT, FOLDER = "127.0.0.1", 8765, "outputs"
TOKEN_VARIABLE = "VGPIPE_SERVE_TOKEN"
MIN_TOKEN, MAX_TOKEN = 12, 200
PORTS_TRIED = 20
HELP = f"""\
usage: {USAGE}

Serves the runs below a folder (default {FOLDER}) as a web page: a list of them, live while one
renders, and the report of each with its videos. It only reads. Ctrl-C ends it.

  serve outputs/                                  on this machine: http://127.0.0.1:{PORT}/
  serve outputs/ --host 0.0.0.0 --token TOKEN     for a phone in the same network as well

  --host ADDRESS   listen there; anything but this machine alone needs a token
  --token TOKEN    what visitors have to give once, {MIN_TOKEN} characters or more; also read from the
                   variable {TOKEN_VARIABLE}, which other users of this machine cannot see
  --port N         listen on another port (default {PORT}; 0: any that is free)

exit codes: 0 ended by Ctrl-C or SIGTERM; 2 bad usage, or it cannot listen there
"""
FLAGS = ("--host", "--token", "--port")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed.

    Attributes:
        folder: as typed.
        host: an address or a name.
        port: 0 for any that is free.
        token: None where none was given.
    """

    folder: str
    host: str
    port: int
    token: str | None

    def typed(self, **changes: object) -> str:
        """Returns the command line with some values changed; it never has the user's own token in it."""
        host = [] if self.host == HOST else ["--host", self.host]
        token = [] if self.token is None else ["--token", "TOKEN"]
        port = [] if self.port == PORT else ["--port", str(self.port)]
        given = {"host": host, "token": token, "port": port}
        given |= {name: [f"--{name}", str(value)] for name, value in changes.items()}
        words = ["python", "-m", "vgpipe", "serve", self.folder, *(word for words in given.values() for word in words)]
        return shlex.join(words)


def main(arguments: Sequence[str]) -> int:
    """Serves until a signal ends it.

    Args:
        arguments: the folder, and flags.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where an argument is wrong, or it cannot listen there.
    """
    wanted = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    server = _server(wanted)
    try:
        _tell(server, wanted)
        server.serve_forever()
    except KeyboardInterrupt:
        write_note("")
    finally:
        server.server_close()
    return 0


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _parse(arguments: Sequence[str]) -> Wanted:
    folders: list[str] = []
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag in FLAGS and (equals or rest):
            values[flag] = value if equals else rest.pop(0)
        elif word.startswith("-") or not word:
            raise UsageError(f"serve: unknown argument, or one without its value: {word.partition('=')[0]} -> {USAGE}")
        else:
            folders.append(word)
    if len(folders) > 1:
        raise UsageError(f"serve takes one folder, not {len(folders)} -> {USAGE}")
    folder = folders[0] if folders else FOLDER
    if not Path(folder).is_dir():
        raise UsageError(f"{folder!r} is not a folder -> {USAGE}")
    token = values.get("--token", os.environ.get(TOKEN_VARIABLE))
    return Wanted(folder, values.get("--host", HOST), _port(values.get("--port", str(PORT))), _checked(token))


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65_535:
        raise UsageError(f"--port: {text!r} must be a number from 0 to 65535 -> --port {PORT}")
    return int(text)


def _checked(token: str | None) -> str | None:
    if token is not None and not MIN_TOKEN <= len(token) <= MAX_TOKEN:
        raise UsageError(
            f"--token: it has {len(token)} characters, and {MIN_TOKEN} to {MAX_TOKEN} are allowed -> --token {_new()}"
        )
    return token


def _new() -> str:
    # It must not begin with a dash, which would be read as a flag.
    return secrets.token_hex(12)


def _server(wanted: Wanted) -> GalleryServer:
    from vgpipe.serve.files import Folder
    from vgpipe.serve.gallery import Gallery
    from vgpipe.serve.handler import Handler
    from vgpipe.serve.server import GalleryServer, endpoint_of

    endpoint = endpoint_of(wanted.host, wanted.port)
    if wanted.token is None and not endpoint.is_loopback:
        raise UsageError(
            f"--host {wanted.host} lets other machines in, which needs a token -> {wanted.typed(token=_new())}"
        )
    gallery = Gallery(Folder(Path(wanted.folder)), wanted.folder)
    try:
        return GalleryServer(endpoint, wanted.host, wanted.token, gallery, Handler)
    except OSError as error:
        raise UsageError(_why(error, endpoint, wanted)) from None


def _why(error: OSError, endpoint: Endpoint, wanted: Wanted) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {wanted.port} is in use -> {wanted.typed(port=_free_port(endpoint))}"
    if error.errno == errno.EACCES:
        return f"port {wanted.port} may not be used by this user -> {wanted.typed(port=PORT)}"
    return f"--host: {wanted.host!r} is no address of this machine ({error.strerror}) -> {wanted.typed(host='0.0.0.0')}"


def _free_port(endpoint: Endpoint) -> int:
    """Returns the next port that is free; 0, which stands for any, where there is none nearby."""
    import socket

    for port in range(endpoint.port + 1, min(endpoint.port + 1 + PORTS_TRIED, 65_536)):
        with socket.socket(endpoint.family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((endpoint.address, port))
            except OSError:
                continue
            return port
    return 0


def _tell(server: GalleryServer, wanted: Wanted) -> None:
    """Prints where the page is; the token is not in it, since the output may be a log."""
    write_line(f"serving the runs below {wanted.folder}, read-only; Ctrl-C ends it")
    for address in server.addresses():
        write_line(f"  {address}")
    if wanted.token is not None:
        write_line("the first visit asks for the token; ?token=TOKEN behind the address gives it at once")
