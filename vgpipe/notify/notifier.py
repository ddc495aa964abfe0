"""Sends messages one after the other in a thread, so that a service that hangs never holds up the run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from vgpipe.notify import delivery
from vgpipe.notify.delivery import Outcome
from vgpipe.notify.message import Message

log = logging.getLogger(__name__)

CLOSING_LIMIT_S = 35.0
"""How long the end of a run waits for its messages: longer than one may take."""
Deliver = Callable[[Message | None, Sequence[str]], Sequence[Outcome]]


def deliver_or_check(message: Message | None, urls: Sequence[str]) -> Sequence[Outcome]:
    """Sends a message; without one, checks the URLs."""
    return delivery.check(urls) if message is None else delivery.deliver(message, urls)


class Notifier:
    """Sends messages to all URLs of the user.

    The first that a service does not take is a warning, further ones of it are left to the log.

    Args:
        urls: where to; at least one.
        deliver: sends one message and returns what came of each URL; None in the place of a message checks the URLs.
    """

    def __init__(self, urls: Sequence[str], deliver: Deliver = deliver_or_check):
        self._urls, self._deliver = urls, deliver
        self._waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._warned: set[int] = set()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)

    def start(self) -> None:
        """Begins, with a look at the URLs: at 3 a.m. nobody is there to mend one."""
        self._thread.start()

    def send(self, message: Message) -> None:
        """Has a message sent; returns at once."""
        self._waiting.put(message)

    def close(self) -> None:
        """Waits until all messages are sent, or half a minute."""
        self._waiting.put(None)
        self._thread.join(CLOSING_LIMIT_S)
        if self._thread.is_alive():
            log.warning("the notifications are not all sent: %s", delivery.NO_ANSWER)

    def _work(self) -> None:
        if self._waiting.empty():  # else a message tells the same
            self._try(None)
        while (message := self._waiting.get()) is not None:
            self._try(message)

    def _try(self, message: Message | None) -> None:
        try:
            outcomes = self._deliver(message, self._urls)
        except Exception as error:  # whatever it is, the clips matter more; its text may quote a URL
            log.warning("a notification could not be sent: %s", type(error).__name__)
            return
        for outcome in outcomes:
            if not outcome.reason:
                log.debug("notification: %s", "the URL is sound" if message is None else outcome)
                continue
            level = logging.DEBUG if outcome.number in self._warned else logging.WARNING
            self._warned.add(outcome.number)
            log.log(level, "a notification was not sent: %s", outcome)
