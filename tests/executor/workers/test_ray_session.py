"""Joining a cluster, and where that fails."""

from __future__ import annotations

import pytest

pytest.importorskip("ray")

from vgpipe.errors import ConfigError
from vgpipe.executor.workers import ray_session
from vgpipe.executor.workers.ray_session import session_started_early, taken_session


@pytest.fixture
def joined(monkeypatch):
    """Notes what is joined and left, in place of Ray."""
    told = []
    monkeypatch.setattr(ray_session.RaySession, "_connect", lambda self, folder: told.append(f"join {self.address}"))
    monkeypatch.setattr(ray_session.RaySession, "_disconnect", lambda self: told.append(f"leave {self.address}"))
    return told


@pytest.mark.parametrize("address", ["ray://localhost:1", "127.0.0.1:1"])
def test_a_cluster_that_cannot_be_joined_is_named_with_what_to_type(address):
    with pytest.raises(ConfigError, match="no Ray cluster") as caught, session_started_early(address):
        pass
    assert address in str(caught.value) and "executor.address=null" in str(caught.value)


def test_what_was_started_early_is_taken_once(joined):
    with session_started_early("a"):
        pass
    session = taken_session("a")
    session.wait()
    other = taken_session("a")
    other.wait()
    assert other is not session and joined == ["join a", "join a"]
    session.close()
    other.close()
    assert joined[2:] == ["leave a", "leave a"]


def test_what_was_started_for_another_cluster_is_ended(joined):
    with session_started_early("a"):
        pass
    session = taken_session("b")
    session.wait()
    session.close()
    assert joined == ["join a", "leave a", "join b", "leave b"]


def test_a_plan_that_fails_leaves_no_session(joined):
    with pytest.raises(ValueError), session_started_early("a"):
        raise ValueError
    assert joined[-1:] == ["leave a"] and not ray_session._early
