from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vgpipe.executor.driver.claims import Claims
from vgpipe.executor.workers.messages import Granted

MINE, MADE = Granted("d", is_yours=True), Granted("d", is_yours=False)


def test_the_first_makes_it_and_the_others_wait():
    claims = Claims()
    assert [claims.ask(worker, "d") for worker in ("a", "b", "c")] == [MINE, None, None]
    assert claims.made("d") == [("b", MADE), ("c", MADE)]
    assert claims.ask("e", "d") == MADE


def test_who_asks_twice_is_answered_once():
    claims = Claims()
    claims.ask("a", "d")
    assert [claims.ask("b", "d"), claims.ask("b", "d")] == [None, None]
    assert claims.ask("a", "d") == MINE
    assert claims.made("d") == [("b", MADE)]


def test_the_next_one_makes_what_a_dead_worker_was_to_make():
    claims = Claims()
    for worker in ("a", "b", "c"):
        claims.ask(worker, "d")
    assert claims.left("a") == [("b", MINE)]
    assert claims.made("d") == [("c", MADE)]


def test_a_dead_worker_waits_no_longer():
    claims = Claims()
    for worker in ("a", "b", "c"):
        claims.ask(worker, "d")
    assert claims.left("b") == []
    assert claims.left("a") == [("c", MINE)]
    assert claims.left("c") == []
    assert claims.ask("b", "d") == MINE


def test_a_worker_may_give_up_what_it_was_to_make():
    claims = Claims()
    for worker in ("a", "b"):
        claims.ask(worker, "d")
    assert claims.failed("b", "d") == []
    assert claims.failed("a", "d") == [("b", MINE)]


def test_what_is_lost_is_made_again():
    claims = Claims()
    claims.ask("a", "d")
    claims.made("d")
    claims.lost("d")
    assert claims.ask("b", "d") == MINE


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ask", "made", "left"])), max_size=40))
def test_each_artifact_has_one_maker_at_a_time_and_nobody_waits_for_nobody(moves):
    claims = Claims()
    maker, waiting = None, set()
    for worker, move in moves:
        answers = []
        if move == "ask" and worker not in waiting:
            answer = claims.ask(worker, "d")
            answers = [(worker, answer)] if answer else []
            waiting |= set() if answer else {worker}
        elif move == "made" and worker == maker:
            maker, answers = None, claims.made("d")
        elif move == "left":
            waiting.discard(worker)
            maker = None if maker == worker else maker
            answers = claims.left(worker)
        for name, answer in answers:
            assert not answer.is_yours or maker in (None, name)
            maker = name if answer.is_yours else maker
            waiting.discard(name)
        assert not waiting or maker is not None
