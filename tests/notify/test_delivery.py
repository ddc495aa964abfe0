from __future__ import annotations

import pytest

from tests.notify.stand_ins import http_service
from vgpipe.notify import delivery
from vgpipe.notify.delivery import Outcome, check, deliver
from vgpipe.notify.message import Message

TOLD = Message(title="night: all clips done", body="8 done")


def test_a_process_of_its_own_sends_the_message(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http_service() as service:
        found = deliver(TOLD, [f"json://{service.place}/s3cret", "nothing"])
    assert service.got[0].json()["message"] == "8 done"
    assert found[0] == Outcome(1, "JSON") and str(found[0]) == "URL 1 (JSON): sent"
    assert found[1].number == 2 and found[1].reason


def test_a_process_that_hangs_is_ended(monkeypatch):
    hangs = 'import time; print(\'{"number": 1, "service": "ntfy"}\', flush=True); time.sleep(60)'
    monkeypatch.setattr(delivery, "START", hangs)
    monkeypatch.setattr(delivery, "STARTING_LIMIT_S", 0.3)
    monkeypatch.setattr(delivery, "SENDING_LIMIT_S", 0.0)
    assert deliver(TOLD, ["a", "b"]) == (Outcome(1, "ntfy"), Outcome(2, "", delivery.NO_ANSWER))


@pytest.mark.parametrize("start", ["import sys; sys.exit(1)", "print('some library')"])
def test_a_process_that_breaks_is_no_more_than_a_message_that_was_not_sent(monkeypatch, start):
    monkeypatch.setattr(delivery, "START", start)
    assert [one.reason for one in check(["a"])] == [delivery.NO_ANSWER]


def test_a_python_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(delivery.sys, "executable", "/nowhere/python")
    assert "No such file" in check(["a"])[0].reason
