"""What the driver does where an answer of an actor does not arrive."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

pytest.importorskip("ray")

from ray.exceptions import ActorDiedError, ActorUnavailableError, ObjectStoreFullError

from vgpipe.executor.workers import ray_running
from vgpipe.executor.workers.ray_running import Running
from vgpipe.executor.workers.store_messages import Found, PartWanted, Wanted
from vgpipe.store.digest import Key

KEY = Key("denoise", {"seed": 1})


class Actor:
    """Answers calls with what is given, in order; notes what it was asked."""

    def __init__(self, answers):
        self.answers, self.asked = list(answers), []

    def __getattr__(self, method):
        return SimpleNamespace(remote=lambda *arguments: self.asked.append((method, *arguments)) or self)

    def get(self, _call):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def running(monkeypatch):
    monkeypatch.setattr(ray_running, "PAUSE_S", 0.0)

    def of(*answers):
        found = object.__new__(Running)
        found._actor = Actor(answers)
        monkeypatch.setattr(ray_running.ray, "get", found._actor.get)
        found.place = SimpleNamespace(slot=SimpleNamespace(name="desk/cuda:0"))
        found.killed_for, found._last, found._failing_since_s = "", 0, float("inf")
        found.poll = found._call("messages", 0, ray_running.POLL_S)
        found._actor.asked.clear()
        return found

    return of


def test_a_full_object_store_is_waited_for_and_nothing_is_asked_twice_of_the_store(running, caplog, monkeypatch):
    asked, killed = [], []
    one = running(
        (1, Wanted(KEY)), ObjectStoreFullError("full"), ObjectStoreFullError("full"), (2, PartWanted(KEY, "a", 0)),
        ActorDiedError(),
    )  # fmt: skip
    one._service = SimpleNamespace(answer=lambda request: asked.append(request) or Found({}), close=lambda: None)
    monkeypatch.setattr(ray_running.ray, "kill", lambda actor, **_: killed.append(actor))
    one._serve()
    assert killed == [one._actor]
    assert asked == [Wanted(KEY), PartWanted(KEY, "a", 0)]
    assert [call[1] for call in one._actor.asked] == [0, 1, 1, 1, 2]  # the same answer again, until it is there
    assert caplog.text.count("desk/cuda:0 waits to reach the driver's store") == 1


def test_messages_are_asked_for_again_from_the_last_that_came(running):
    one = running((3, ["a", "b", "c"]), ActorUnavailableError("lost", None), (4, ["d"]))
    assert one.take() == ["a", "b", "c"]
    with pytest.raises(ActorUnavailableError):
        one.take()
    assert one.may_try_again()
    assert one.take() == ["d"]
    assert [call[1] for call in one._actor.asked] == [3, 3, 4]


def test_an_actor_that_stays_out_of_reach_is_given_up(running, monkeypatch):
    one = running()
    assert one.may_try_again()
    later_s = time.monotonic() + ray_running.TRY_AGAIN_S + 1
    monkeypatch.setattr(ray_running.time, "monotonic", lambda: later_s)
    assert not one.may_try_again()
