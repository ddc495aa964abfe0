"""The garbage collector is paused only as long as it should be."""

from __future__ import annotations

import gc

import pytest

from vgpipe.collection import StartUp, collection_paused


@pytest.fixture(autouse=True)
def enabled():
    gc.enable()
    yield
    gc.enable()


def test_a_pause_ends_with_its_context_even_by_an_error():
    with pytest.raises(ValueError), collection_paused():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()


def test_a_start_up_ends_once():
    start = StartUp()
    start.pause()
    assert not gc.isenabled()
    start.end()
    assert gc.isenabled()
    gc.disable()
    start.end()
    assert not gc.isenabled()


@pytest.mark.parametrize("pauses", [True, False], ids=["context", "start-up"])
def test_a_collector_that_the_program_around_switched_off_stays_off(pauses):
    gc.disable()
    if pauses:
        with collection_paused():
            pass
    else:
        start = StartUp()
        start.pause()
        start.end()
    assert not gc.isenabled()


def test_a_command_leaves_the_collector_as_it_was(vgpipe):
    vgpipe("job=missing.yaml")
    assert gc.isenabled()
