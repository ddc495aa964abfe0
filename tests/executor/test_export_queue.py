"""Exports run in one thread beside the caller; their results are handled in the caller's thread."""

from __future__ import annotations

import threading

import pytest

from tests.clips.test_clip_state import new
from vgpipe.executor.export_queue import ExportQueue


def test_results_are_handled_in_the_callers_thread_and_in_order():
    exported_in, handled = set(), []

    def export(state):
        exported_in.add(threading.current_thread().name)
        return (state,)

    states = [new(), new(), new()]
    with ExportQueue(
        export, lambda state, result: handled.append((state, result(), threading.current_thread()))
    ) as queue:
        for state in states:
            queue.add(state)
        queue.drain()
        assert [state for state, _, _ in handled] == states
    assert all(result == (state,) and thread is threading.current_thread() for state, result, thread in handled)
    assert len(exported_in) == 1 and "export" in exported_in.pop()


def test_collect_waits_for_nothing():
    started, may_end, handled = threading.Event(), threading.Event(), []

    def export(state):
        started.set()
        may_end.wait(10)
        return ()

    with ExportQueue(export, lambda state, result: handled.append(result())) as queue:
        queue.add(new())
        assert started.wait(10)
        queue.collect()
        assert handled == []
        may_end.set()
    assert handled == [()]


def test_at_the_end_what_has_not_begun_is_dropped():
    started, may_end, begun, handled = threading.Event(), threading.Event(), [], []

    def export(state):
        begun.append(state)
        started.set()
        may_end.wait(10)
        return ()

    first, second = new(), new()
    with pytest.raises(KeyError), ExportQueue(export, lambda state, result: handled.append(state)) as queue:
        queue.add(first)
        queue.add(second)
        assert started.wait(10)
        may_end.set()
        queue._waiting[1][1].cancel()  # so that the worker cannot begin it before the block ends
        raise KeyError
    assert begun == handled == [first]


def test_an_export_that_fails_hands_its_error_over():
    def export(state):
        raise OSError("disk")

    errors = []

    def handle(state, result):
        with pytest.raises(OSError, match="disk") as raised:
            result()
        errors.append(raised.value)

    with ExportQueue(export, handle) as queue:
        queue.add(new())
        queue.drain()
    assert len(errors) == 1
