"""What an actor holds until the driver has it."""

from __future__ import annotations

import os
import signal
import threading

import pytest

pytest.importorskip("ray")

from vgpipe.executor.workers import ray_actor
from vgpipe.executor.workers.ray_actor import WorkerActor, look_at_store
from vgpipe.executor.workers.store_messages import Found, Wanted
from vgpipe.store.digest import Key

WANTED = [Wanted(Key("denoise", {"seed": seed})) for seed in range(2)]


@pytest.fixture
def actor(monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(ray_actor, "GATHERED_S", 0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return WorkerActor({"OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None, "OMP_WAIT_POLICY": "PASSIVE"})


def test_threads_are_those_of_the_driver_rather_than_what_ray_sets(actor):
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_lost_answer_loses_no_message(actor):
    for text in "abc":
        actor._send(text)
    assert actor.messages(0, 1.0) == (3, ["a", "b", "c"]) == actor.messages(0, 1.0)
    actor._send("d")
    assert actor.messages(3, 1.0) == (4, ["d"])
    assert actor.messages(4, 0.01) == (4, [])


def test_many_messages_come_in_several_answers(actor, monkeypatch):
    monkeypatch.setattr(ray_actor, "MOST_MESSAGES", 2)
    for text in "abc":
        actor._send(text)
    assert actor.messages(0, 1.0) == (2, ["a", "b"]) and actor.messages(2, 1.0) == (3, ["c"])


def test_each_request_gets_its_own_answer_however_often_it_is_asked_for(actor):
    answers = []
    worker = threading.Thread(target=lambda: answers.extend(actor._questions.ask(one) for one in WANTED))
    worker.start()
    assert actor.exchange(0, None) == (1, WANTED[0]) == actor.exchange(0, None)
    assert actor.exchange(1, Found({"a": 1})) == (2, WANTED[1]) == actor.exchange(1, Found({"late": 1}))
    threading.Timer(0.05, lambda: actor._questions.ask(WANTED[0])).start()
    assert actor.exchange(2, None)[0] == 3
    worker.join(10)
    assert answers == [Found({"a": 1}), None]
    actor._questions._answer, actor._questions._request = None, None
    with actor._questions._news:
        actor._questions._news.notify_all()


def test_a_store_is_only_shared_where_the_very_file_is_seen(tmp_path):
    (tmp_path / "probe").write_text("content")
    assert look_at_store(str(tmp_path / "probe"), "content")
    assert not look_at_store(str(tmp_path / "probe"), "other") and not look_at_store(str(tmp_path), "content")
