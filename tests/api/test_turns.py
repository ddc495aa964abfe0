from __future__ import annotations

import threading

import pytest

from vgpipe.api.turns import Turns
from vgpipe.errors import Stopped, UsageError
from vgpipe.executor.cancel_token import CancelToken


def test_a_cancelled_caller_does_not_wait_for_its_turn():
    turns, token = Turns(), CancelToken()
    seen: list[BaseException] = []

    def wait() -> None:
        try:
            with turns.turn(token):
                seen.append(AssertionError("it had its turn"))
        except Stopped as stopped:
            seen.append(stopped)

    with turns.turn(None):
        thread = threading.Thread(target=wait)
        thread.start()
        token.cancel("closed")
        thread.join(10)
    assert str(seen[0]) == "closed: the run was not started"
    with turns.turn(None):
        pass


def test_a_run_in_the_callback_of_a_run_is_refused_rather_than_waited_for():
    turns = Turns()
    with turns.turn(None), pytest.raises(UsageError, match="from the progress callback"), turns.turn(None):
        pass
