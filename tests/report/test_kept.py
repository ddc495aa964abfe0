"""Values are computed when what they come from has changed, and not all the time."""

from __future__ import annotations

from vgpipe.report import kept
from vgpipe.report.kept import Kept


def test_a_value_is_computed_once_for_each_mark(monkeypatch):
    monkeypatch.setattr(kept, "MAX_SHARE", 1e9)
    numbers = iter(range(9))
    value = Kept(lambda: next(numbers))
    assert [value.value(mark) for mark in (None, None, "a", "a", None)] == [0, 0, 1, 1, 2]


def test_an_expensive_value_rests(monkeypatch):
    clock = iter([0.0, 1.0, 20.9, 21.1, 21.2])  # one second to compute it: it rests for twenty
    monkeypatch.setattr(kept.time, "monotonic", lambda: next(clock))
    numbers = iter(range(9))
    value = Kept(lambda: next(numbers))
    assert [value.value(mark) for mark in "abc"] == [0, 0, 1]
