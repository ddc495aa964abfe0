"""Gives a message to a child process that sends it: what hangs there is ended, and no library of it can log a URL."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from vgpipe.notify.message import Message

PACKAGE = "apprise"
MISSING = 'notifications need the package apprise, which is not installed -> pip install "vgpipe[apprise]"'
SENDING_LIMIT_S = 10.0
"""For all services together, which are sent to at the same time."""
STARTING_LIMIT_S = 20.0
"""For the child to import its libraries, on a machine that renders."""
# The child sees exactly the modules that this interpreter sees, however it was started.
START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from vgpipe.notify.child import main; main()"
NO_ANSWER = f"no answer within {SENDING_LIMIT_S:.0f} s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one URL. Nothing of the URL is in it.

    Attributes:
        number: which URL, from 1.
        service: its name, `ntfy`; empty where the URL is none that apprise knows.
        reason: why the message was not sent; empty if it was sent.
    """

    number: int
    service: str
    reason: str = ""

    def __str__(self) -> str:
        name = f"URL {self.number}{f' ({self.service})' if self.service else ''}"
        return f"{name}: {self.reason or 'sent'}"


def is_installed() -> bool:
    """Says whether the extra `apprise` is there; imports nothing."""
    return importlib.util.find_spec(PACKAGE) is not None


def deliver(message: Message, urls: Sequence[str]) -> tuple[Outcome, ...]:
    """Sends a message to every URL; takes at most half a minute.

    Args:
        message: what to send.
        urls: where to.

    Returns:
        What came of each URL.
    """
    return _asked({"message": asdict(message), "urls": list(urls)}, len(urls))


def check(urls: Sequence[str]) -> tuple[Outcome, ...]:
    """Says which URLs apprise knows; sends nothing.

    Args:
        urls: which.
    """
    return _asked({"message": None, "urls": list(urls)}, len(urls))


def _asked(request: dict[str, object], count: int) -> tuple[Outcome, ...]:
    # URLs go through a pipe: other users see the command line of a process.
    command = [sys.executable, "-c", START, json.dumps(sys.path)]
    try:
        # In a session of its own, since Ctrl-C must not end the message that says so.
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return tuple(Outcome(number, "", str(error)) for number in range(1, count + 1))
    with child:
        said = _said(child, json.dumps({**request, "limit_s": SENDING_LIMIT_S}))
    found = {one.number: one for one in _outcomes(said)}
    return tuple(found.get(number, Outcome(number, "", NO_ANSWER)) for number in range(1, count + 1))


def _said(child: subprocess.Popen[str], request: str) -> str:
    try:
        return child.communicate(request, timeout=STARTING_LIMIT_S + SENDING_LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0]


def _outcomes(said: str) -> Iterator[Outcome]:
    for line in said.splitlines():
        try:
            yield Outcome(**json.loads(line))
        except (ValueError, TypeError):  # some library wrote to stdout
            continue
