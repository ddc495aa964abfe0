"""The process that sends a message with apprise: its answer names services and reasons, never a URL."""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vgpipe.notify.delivery import NO_ANSWER, Outcome
from vgpipe.notify.picture import small_copies

UNKNOWN = "not the URL of a service that apprise knows -> https://github.com/caronc/apprise lists them"
UNREACHED = "no connection, or no answer"
REFUSED = "the service did not accept the message"
CODE = re.compile(r"error=(\d{3,6})")
NO_CONNECTION = re.compile(r"connection error|connection refused|unreachable|name or service", re.IGNORECASE)
MAX_NAME = 40
REASONS: ContextVar[list[str] | None] = ContextVar("reasons", default=None)
"""Of the service that is sent to; apprise may do so in a thread of its own."""
NOT_ALLOWED = re.compile(r"authentication|unauthorized|login", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that apprise knows.

    Attributes:
        url: with its secrets.
        name: what apprise calls it.
        takes_pictures: whether files can be attached.
    """

    url: str
    name: str
    takes_pictures: bool


def main() -> None:
    """Answers one request: reads it from stdin, writes a line for each URL to stdout."""
    asked = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for outcome in answered(asked["message"], asked["urls"], asked["limit_s"]):
        answers.write(json.dumps(asdict(outcome)) + "\n")
        answers.flush()
    os._exit(0)  # a thread may hang


def answered(message: Mapping[str, Any] | None, urls: Sequence[str], limit_s: float) -> Iterator[Outcome]:
    """Sends a message to every URL, all at the same time.

    Args:
        message: the fields of a `Message`; None only says which URLs apprise knows.
        urls: where to.
        limit_s: seconds for all of them.

    Yields:
        What came of each, in the order in which that is known.
    """
    import apprise  # where it is not installed, no child is started

    _log_reasons_only()
    asset = apprise.AppriseAsset(
        app_id="vgpipe",
        app_desc="vgpipe",
        app_url="",
        image_url_mask="",
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    known: dict[int, Service] = {}
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            yield Outcome(number, "", UNKNOWN)
        else:
            known[number] = Service(url, str(service.service_name or "")[:MAX_NAME], bool(service.attachment_support))
    if message is None:
        yield from (Outcome(number, service.name) for number, service in known.items())
        return
    with tempfile.TemporaryDirectory(prefix="vgpipe-notify-", ignore_cleanup_errors=True) as folder:
        attached = [str(path) for path in small_copies(message["pictures"], Path(folder))]
        yield from _sent(partial(_reason_of, message, asset, attached), known, limit_s)


def _sent(send: Callable[[Service], str], known: Mapping[int, Service], limit_s: float) -> Iterator[Outcome]:
    ended: queue.Queue[Outcome] = queue.Queue()

    def work(number: int, service: Service) -> None:
        ended.put(Outcome(number, service.name, send(service)))

    for number, service in known.items():
        threading.Thread(target=work, args=(number, service), daemon=True).start()
    end_s, left = time.monotonic() + limit_s, dict(known)
    while left:
        try:
            outcome = ended.get(timeout=max(0.0, end_s - time.monotonic()))
        except queue.Empty:
            break
        del left[outcome.number]
        yield outcome
    yield from (Outcome(number, service.name, NO_ANSWER) for number, service in left.items())


def _reason_of(message: Mapping[str, Any], asset: Any, attached: list[str], service: Service) -> str:
    """Sends a message to one service; returns why it was not sent, "" if it was sent."""
    import apprise

    reasons: list[str] = []
    REASONS.set(reasons)
    # Some servers take messages, but no files: the words matter more.
    for files in [attached, None] if attached and service.takes_pictures else [None]:
        sender = apprise.Apprise(asset=asset)  # a new one: after sending something it waits for seconds
        sender.add(service.url)
        try:
            is_sent = sender.notify(
                body=message["body"],
                title=message["title"],
                notify_type=message["mood"],
                body_format=apprise.NotifyFormat.TEXT,
                attach=files,
            )
        except Exception as error:  # of whatever plugin
            return type(error).__name__
        if is_sent:
            return ""
        if UNREACHED in reasons:  # it may have got the message all the same: no second one
            break
    return reasons[-1] if reasons else REFUSED


class _ReasonsOnly(logging.Handler):
    """Finds in apprise's log why a message was not sent; keeps nothing else, since lines there name hosts and keys."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        text, reasons = record.getMessage(), REASONS.get()
        if reasons is None:
            return
        code = CODE.search(text)
        if code is not None:
            reasons.append(f"the service answered with error {code[1]}")
        elif NO_CONNECTION.search(text):
            reasons.append(UNREACHED)
        elif NOT_ALLOWED.search(text):
            reasons.append("the service refused the login")


def _log_reasons_only() -> None:
    logger = logging.getLogger("apprise")
    logger.handlers = [_ReasonsOnly()]
    logger.propagate = False
