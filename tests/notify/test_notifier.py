from __future__ import annotations

import logging
import threading

import pytest

from vgpipe.notify import notifier as module
from vgpipe.notify.delivery import Outcome
from vgpipe.notify.message import Message
from vgpipe.notify.notifier import Notifier

TOLD = Message(title="a", body="b")


def through(answers, *messages):
    got = []

    def deliver(message, _urls):
        got.append(message)
        answer = answers(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    notifier = Notifier(["json://127.0.0.1/s3cret"], deliver)
    for message in messages:
        notifier.send(message)
    notifier.start()
    notifier.close()
    return got


def test_messages_are_sent_in_their_order_and_the_urls_are_looked_at_first():
    begun = threading.Event()

    def deliver(message, _urls):
        got.append(message)
        begun.set()
        return []

    got = []
    notifier = Notifier(["x"], deliver)
    notifier.start()
    assert begun.wait(5)
    second = Message(title="c", body="d")
    notifier.send(TOLD)
    notifier.send(second)
    notifier.close()
    assert got == [None, TOLD, second]


def test_a_message_that_waits_already_makes_the_look_superfluous():
    assert through(lambda _: [], TOLD) == [TOLD]


def test_what_is_not_sent_is_one_warning_without_the_url(caplog):
    with caplog.at_level(logging.WARNING, "vgpipe"):
        through(lambda _: [Outcome(1, "JSON", "no connection"), Outcome(2, "ntfy")], TOLD, TOLD)
    (warning,) = caplog.messages
    assert warning == "a notification was not sent: URL 1 (JSON): no connection"


def test_an_error_nobody_foresaw_is_a_warning_that_quotes_nothing(caplog):
    with caplog.at_level(logging.WARNING, "vgpipe"):
        through(lambda _: ValueError("json://127.0.0.1/s3cret"), TOLD)
    assert caplog.messages == ["a notification could not be sent: ValueError"]


@pytest.mark.usefixtures("caplog")
def test_closing_waits_no_longer_than_it_may(monkeypatch, caplog):
    monkeypatch.setattr(module, "CLOSING_LIMIT_S", 0.05)
    hangs = threading.Event()
    notifier = Notifier(["x"], lambda *_: hangs.wait(10) and [])
    notifier.start()
    notifier.close()
    hangs.set()
    assert "not all sent" in caplog.text
