"""Actors in which workers run, on a cluster of three nodes on this machine."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("ray")

from vgpipe.config.load import load
from vgpipe.executor.workers.messages import (
    Claim,
    ClipEnded,
    Died,
    End,
    Event,
    Granted,
    HandOut,
    HandOutEnded,
    Ready,
    StopNow,
    Unable,
    Why,
    WorkerSettings,
    WorkItem,
)
from vgpipe.executor.workers.ray_pool import RayPool
from vgpipe.fallback.loading_steps import LoadPlan
from vgpipe.job.clip import Clip
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

FAKE = "tests.executor.workers.ray_worker:Acting"
CLIP = dict(prompt="", negative_prompt="", seed=0, width=8, height=8, num_frames=1, fps=8, num_inference_steps=1)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("driver"))
    store.require_writable()
    return store


@pytest.fixture(scope="module")
def session(ray_cluster):
    """Ray in this process, for all pools of these tests."""
    session = ray_cluster.session()
    yield SimpleNamespace(wait=session.wait, is_local=False, close=lambda: None)
    session.close()


@pytest.fixture(scope="module")
def pool_of(driver, session):
    """Returns a pool with such settings; those whose nodes do not see the driver's store look for another file."""
    with ExitStack() as opened:

        def make(*overrides, shares_store=True):
            config = load(["job=a.yaml", "executor=ray", f"store.dir={driver.root}", *overrides])
            pool = RayPool(session, config.executor, driver, worker=FAKE)
            opened.callback(pool.close)
            if not shares_store:
                pool._nodes._probe = lambda _node: (Path("/nonexistent/probe"), "x")
            return Driven(pool, config)

        yield make


@pytest.fixture(scope="module")
def driven(pool_of):
    return pool_of()


@pytest.fixture(scope="module")
def far(pool_of):
    """A pool whose nodes have stores of their own."""
    return pool_of(shares_store=False)


@pytest.fixture(autouse=True)
def no_worker_is_left(request):
    yield
    for name in ("driven", "far"):
        if name in request.fixturenames:
            request.getfixturevalue(name).end()


class Driven:
    """A pool as a driver uses it."""

    def __init__(self, pool, config):
        self.pool, self.config = pool, config
        self.heard: dict[str, list] = {}

    def start(self, slot, worker="cpu-1", **settings):
        config = replace(self.config, executor=replace(self.config.executor, **settings))
        plan = LoadPlan(config.model)
        self.pool.start(slot, WorkerSettings(worker=worker, config=config, load_plan=plan, plan=None, run_root="run"))

    def hear(self, slot, kind, timeout_s=90.0):
        """Waits for a message of a kind; returns it."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            for message in self.heard.get(slot.name, []):
                if isinstance(message, kind):
                    self.heard[slot.name].remove(message)
                    return message
            for name, message in self.pool.receive(1.0):
                self.heard.setdefault(name, []).append(message)
        raise AssertionError(f"no {kind} from {slot.name}: {self.heard}")

    def end(self):
        for name in list(self.pool._running):
            self.pool.kill(name)
        while self.pool._running:
            self.pool.receive(1.0)
        self.heard = {}

    def hand(self, slot, *clips):
        self.pool.send(
            slot.name, HandOut(1, tuple(WorkItem(clip=clip, requested=clip) for clip in map(clip_of, clips)))
        )


def clip_of(clip):
    return clip if isinstance(clip, Clip) else Clip(id=clip, model="shapes", guidance_scale=1.0, **CLIP)


def test_workers_on_three_nodes_with_stores_of_their_own_hand_in_what_they_make(far, driver, ray_cluster):
    driven = far
    slots = driven.pool.slots()
    assert len(slots) == 3 and len({slot.node for slot in slots}) == 3 and not any(one.shares_store for one in slots)
    for slot in slots:
        driven.start(slot, slot.name)
    for number, slot in enumerate(slots):
        ready = driven.hear(slot, Ready)
        assert ready.versions == {"OMP": os.environ["OMP_NUM_THREADS"], "torch": "False"}
        driven.hand(slot, f"clip-{number} 9000000")  # more than one part
    for number, slot in enumerate(slots):
        assert driven.hear(slot, ClipEnded).clip == f"clip-{number} 9000000"
        key = Key("denoise", {"clip": f"clip-{number} 9000000"})
        assert Store(driver.root).find(key).files["a.bin"]["bytes"] == 9_000_000
        assert [store.find(key) is not None for store in ray_cluster.stores()].count(True) == 1


def one(driven, worker="cpu-1", **settings):
    """Starts a worker on the first node."""
    slot = driven.pool.slots()[0]
    driven.start(slot, worker, **settings)
    return slot


def test_messages_keep_their_order_and_their_worker_ends_in_its_ways(driven, driver):
    slot = one(driven)
    assert slot.shares_store
    assert driven.hear(slot, Ready).pid != os.getpid()
    driven.hand(slot, "many 3000")
    driven.hear(slot, HandOutEnded)
    heard = [message.facts["n"] for message in driven.heard[slot.name] if isinstance(message, Event)]
    assert heard == list(range(3000))
    driven.pool.send(slot.name, StopNow("deadline"))
    assert driven.hear(slot, HandOutEnded).reason == "deadline"
    driven.hand(slot, "clip 5")
    driven.hear(slot, ClipEnded)
    assert driver.find(Key("denoise", {"clip": "clip 5"})) is not None
    driven.pool.send(slot.name, End())
    assert driven.hear(slot, Died) == Died("ended")
    driven.start(slot)  # the same slot again
    driven.hear(slot, Ready)
    driven.hand(slot, "raise it broke")
    assert driven.hear(slot, Died) == Died("RuntimeError: it broke")
    driven.start(slot, "unable")
    assert driven.hear(slot, Unable).reason == "no model" and driven.hear(slot, Died) == Died("ended")


def test_a_worker_that_is_killed_is_told_of_and_its_slot_stays(driven):
    slot = one(driven)
    driven.hear(slot, Ready)
    driven.hand(slot, "die")
    assert driven.hear(slot, Died) == Died("its process was killed, or crashed")
    assert slot in driven.pool.slots()
    driven.start(slot, "late", worker_start_timeout_s=1.0)
    assert driven.hear(slot, Died) == Died("not ready within 1 s")
    driven.start(slot)
    driven.hear(slot, Ready)
    driven.pool.kill(slot.name)
    assert driven.hear(slot, Died) == Died("ended by the driver")
    driven.hand(slot, "clip")  # dropped


def test_sigterm_has_a_worker_leave(driven):
    slot = one(driven)
    pid = driven.hear(slot, Ready).pid
    driven.hand(slot, "sleep 60")
    os.kill(pid, signal.SIGTERM)
    while driven.hear(slot, HandOutEnded).why is not Why.LEAVING:  # first it may give the clip back that slept
        pass
    assert driven.hear(slot, Died) == Died("ended")


def test_a_text_that_another_worker_has_made_meanwhile_is_found(far, driver):
    driven = far
    slot = one(driven)
    text = Key("encode", {"text": "a"})
    for is_there in (False, True):
        driven.hand(slot, "claim a")
        assert driven.hear(slot, Claim).key == text
        if is_there:
            with driver.create(text) as draft:
                draft.path("a.bin").write_bytes(b"x")
        driven.pool.send(slot.name, Granted(text.digest, is_yours=False))
        assert driven.hear(slot, Event).facts == {"is_there": is_there}


def test_an_image_that_only_the_driver_has_is_sent_along(far, tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (12, 8)).save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    slot = one(far)
    far.hear(slot, Ready)
    far.pool._running[slot.name]._service.serve_file(sha256, path)
    far.hand(slot, replace(clip_of("image"), image="/nonexistent/a.png", image_sha256=sha256))
    assert far.hear(slot, Event).facts == {"shape": (1, 8, 12, 3)}


def test_a_node_without_the_model_says_so_and_gets_no_more_workers(driven, monkeypatch):
    elsewhere = replace(driven.config, model=replace(driven.config.model, id="/models/wan"))
    monkeypatch.setattr(driven, "config", elsewhere)
    slot = one(driven)
    died = driven.hear(slot, Died)
    assert died.is_place_gone and died.reason.startswith(f"{slot.node}: it has no folder /models/wan")
    assert slot not in driven.pool.slots()
    driven.pool._lost.clear()


def test_the_number_of_workers_is_limited(pool_of):
    assert len(pool_of("executor.workers=2").pool.slots()) == 2


def joined(driven, ray_cluster):
    """Adds a node; returns it, and the slot of a worker that is ready there."""
    before, node = driven.pool.slots(), ray_cluster.add()
    until_s = time.monotonic() + 90
    while len(driven.pool.slots()) == len(before) and time.monotonic() < until_s:
        driven.pool.receive(0.2)
    (slot,) = [slot for slot in driven.pool.slots() if slot not in before]
    driven.start(slot)
    driven.hear(slot, Ready)
    return node, slot


def test_a_node_that_joins_gives_a_slot_and_one_that_goes_takes_its_worker_along(driven, ray_cluster):
    before = driven.pool.slots()
    node, slot = joined(driven, ray_cluster)
    ray_cluster.remove(node)
    assert driven.hear(slot, Died) == Died(f"node {slot.node} is gone", is_place_gone=True)
    assert list(driven.pool.slots()) == list(before)
    driven.start(slot)
    assert driven.hear(slot, Died).is_place_gone


def test_the_worker_of_a_node_that_is_being_taken_away_leaves(driven, ray_cluster):
    before = driven.pool.slots()
    node, slot = joined(driven, ray_cluster)
    driven.hand(slot, "sleep 60")
    ray_cluster.drain(node)
    while driven.hear(slot, HandOutEnded).why is not Why.LEAVING:
        pass
    assert driven.hear(slot, Died) == Died("ended")
    assert list(driven.pool.slots()) == list(before)
    ray_cluster.remove(node)
