"""Frames are released when their last user is done, also where store keys change meanwhile."""

from __future__ import annotations

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.digest import Key


def keys(name: str) -> ClipKeys:
    key = Key("decode", {"name": name})
    return ClipKeys(key, None, key, key, (key,))


def digest(name: str) -> str:
    return keys(name).frames.digest


def test_shared_frames_are_released_by_the_last():
    users = FrameUsers()
    users.count([ClipState(PLAIN, [keys("a")]), ClipState(PLAIN, [keys("a")]), ClipState(PLAIN, [keys("b")])])
    assert [users.release(digest("a")), users.release(digest("a")), users.release(digest("b"))] == [False, True, True]


def test_a_clip_whose_keys_change_uses_the_new_frames():
    users, state, other = FrameUsers(), ClipState(PLAIN, [keys("a")]), ClipState(PLAIN, [keys("b")])
    users.count([state, other])
    with users.changing(state):
        state.rekey([keys("b")])
    assert users.release(digest("b")) is False and users.release(digest("b")) is True


def test_clips_that_are_not_counted_do_not_count_when_they_change():
    users, state = FrameUsers(), ClipState(PLAIN, [keys("a")])
    with users.changing(state):
        state.rekey([keys("b")])
    users.count([state])
    assert users.release(digest("b")) is True
