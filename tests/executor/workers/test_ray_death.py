"""What the user reads of the end of an actor."""

from __future__ import annotations

import pytest

pytest.importorskip("ray")

from ray.exceptions import ActorDiedError, ActorUnavailableError, ActorUnschedulableError, ObjectStoreFullError

from vgpipe.executor.workers.messages import Died
from vgpipe.executor.workers.ray_death import OTHER_TOKEN, death_of, is_passing

CONNECTION = (
    "The actor died unexpectedly before finishing this task.\n\tpid: 5907\n\tip: 192.0.2.2\nThe actor is dead because "
    "its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly exits with a "
    "connection error code 2. End of file. Some common causes include: (1) the process was killed by the OOM killer"
)


class Dead(ActorDiedError):
    """As Ray raises it, with a text of its own."""

    def __init__(self, text):
        super().__init__()
        self.error_msg = text

    def __str__(self):
        return self.error_msg


@pytest.mark.parametrize(
    ("text", "died"),
    [
        (CONNECTION, Died("its process was killed, or crashed")),
        (
            "Task was killed due to the node running low on memory.\nMemory on the node was 21.95GB / 23GB",
            Died("killed by Ray: node desk was running low on memory", by_memory=True),
        ),
        ("The actor died because its node has died. Node Id: abc", Died("node desk is gone", is_place_gone=True)),
        (
            "raised in its creation task, \x1b[36mray::WorkerActor.__init__()\x1b[39m\nModuleNotFoundError: No module "
            "named 'vgpipe.executor.workers.ray_actor'",
            Died(
                "node desk cannot import vgpipe.executor.workers.ray_actor: install vgpipe there as it is here (pip "
                "install vgpipe)",
                is_place_gone=True,
            ),
        ),
        (
            "The actor is dead because all references to the actor were removed including lineage ref count.\n"
            "The actor never ran - it was cancelled before it started running.",
            Died(OTHER_TOKEN, is_place_gone=True),
        ),
        ("The actor died.\nRuntimeError: no", Died("RuntimeError: no")),
    ],
)
def test_a_death_has_a_clear_reason(text, died):
    assert death_of(Dead(text), "desk", is_gone=False, killed_for="") == died


def test_what_the_driver_knows_itself_comes_first():
    gone = death_of(Dead(CONNECTION), "desk", is_gone=True, killed_for="")
    assert gone == Died("node desk is gone", is_place_gone=True)
    assert death_of(Dead(CONNECTION), "", is_gone=False, killed_for="too late") == Died("too late")
    full = death_of(ActorUnschedulableError("no such node"), "desk", is_gone=False, killed_for="")
    assert full.is_place_gone


def test_what_may_be_over_the_next_time_is_no_death():
    assert is_passing(ActorUnavailableError("lost", None)) and is_passing(ObjectStoreFullError("full"))
    assert not is_passing(Dead(CONNECTION))
