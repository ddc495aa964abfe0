"""Joining a cluster, and where that fails."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("ray")

from vgpipe.errors import ConfigError
from vgpipe.executor.workers import ray_session
from vgpipe.executor.workers.ray_session import session_started_early, taken_session
from vgpipe.owners import owner_name


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


def test_the_files_of_a_ray_whose_driver_was_killed_are_removed_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_session, "MAX_TEMP_PATH", 1000)
    monkeypatch.setattr(ray_session.tempfile, "tempdir", str(tmp_path))
    machine, _, _ = owner_name().partition("-")
    left, alive, strange = (tmp_path / f"vgpipe-ray-{name}" for name in "abc")
    for folder, owner in ((left, f"{machine}-{2**22 + 1}"), (alive, f"{machine}-1")):
        folder.mkdir()
        (folder / "owner").write_text(owner)
    strange.mkdir()
    own = ray_session._temporary_folder()
    assert {one.name for one in tmp_path.iterdir()} == {alive.name, strange.name, own.name}


def test_a_ray_that_is_started_here_has_a_token_of_its_own_and_leaves_none(monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with ray_session._environment(None):
        assert os.environ["RAY_AUTH_MODE"] == "token" and len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert "RAY_AUTH_MODE" not in os.environ and "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with ray_session._environment(None):
        assert os.environ["RAY_AUTH_MODE"] == "disabled" and "RAY_AUTH_TOKEN" not in os.environ


def test_a_cluster_with_a_token_says_what_to_set(monkeypatch):
    def refuse(*_):
        try:
            raise RuntimeError("RPC error: InvalidAuthToken: Authentication token is missing or incorrect.")
        except RuntimeError as error:
            raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379") from error

    monkeypatch.setattr(ray_session.RaySession, "_connect", refuse)
    with (
        pytest.raises(ConfigError, match="RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"),
        session_started_early("10.0.0.1:6"),
    ):
        pass
